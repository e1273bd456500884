// The UTF-8 matcher syntax: optional braces, commas, names and values plain or double-quoted with Go's escapes. Only text
// to names, operators and values; alerting/alerts/matchers.ts gives them meaning.

import type { MatcherOp, MatcherText } from '../../storage/model/matcher.ts'
import { quote, unquote } from '../template/go/goQuote.ts'

/** Characters that must stand in quotes. */
export const reservedInNames = /[\s{}!=~,\\"'`]/u

type Token = { readonly kind: 'open' | 'close' | 'comma' | 'op' | 'plain' | 'quoted'; readonly text: string; readonly at: number }

/** Throws an `Error` that names the place. Empty text and `{}` give no matchers. */
export function parseUtf8Matchers(text: string): MatcherText[] {
  const tokens = scan(text)
  const opened = tokens[0]?.kind === 'open'
  const closed = tokens.at(-1)?.kind === 'close'
  if (opened && !closed) throw new Error(`${place(text.length)}: expected close brace`)
  if (closed && (!opened || tokens.length === 1)) throw new Error(`${place(tokens.at(-1)?.at ?? 0)}: expected opening brace`)
  const inner = opened ? tokens.slice(1, -1) : tokens
  const matchers: MatcherText[] = []
  let next = 0
  const take = (kinds: readonly Token['kind'][], what: string): Token => {
    const token = inner[next++]
    if (token === undefined) throw new Error(`${place(text.length)}: expected ${what}`)
    if (!kinds.includes(token.kind)) throw new Error(`${place(token.at)}: unexpected ${token.text}: expected ${what}`)
    return token
  }
  while (next < inner.length) {
    const name = take(['plain', 'quoted'], 'label name')
    const op = take(['op'], 'an operator such as \'=\', \'!=\', \'=~\' or \'!~\'')
    const value = take(['plain', 'quoted'], 'label value')
    matchers.push({ name: valueOf(name), op: op.text as MatcherOp, value: valueOf(value) }) // the scanner gives only the four
    if (next < inner.length) take(['comma'], 'a comma or close brace')
  }
  return matchers
}

function scan(text: string): Token[] {
  const tokens: Token[] = []
  const pattern = /\s+|([{},])|(=~|!~|!=|=)|("(?:\\[^]|[^"\\])*")|([^\s{}!=~,\\"'`]+)/uy
  for (let at = 0; at < text.length; at = pattern.lastIndex) {
    pattern.lastIndex = at
    const match = pattern.exec(text)
    if (match === null) {
      if (text[at] === '"') throw new Error(`${place(at)}: missing end "`)
      throw new Error(`${place(at)}: ${text[at]}: invalid input`)
    }
    const [whole, mark, op, quoted] = match
    if (mark !== undefined) tokens.push({ kind: mark === '{' ? 'open' : mark === '}' ? 'close' : 'comma', text: mark, at })
    else if (op !== undefined) tokens.push({ kind: 'op', text: op, at })
    else if (quoted !== undefined) tokens.push({ kind: 'quoted', text: quoted, at })
    else if (whole.trim() !== '') tokens.push({ kind: 'plain', text: whole, at })
  }
  return tokens
}

function valueOf(token: Token): string {
  if (token.kind === 'plain') return token.text
  const value = unquote(token.text)
  if (value === undefined) throw new Error(`${place(token.at)}: ${token.text}: invalid input`)
  if (value.includes('\ufffd') && !token.text.includes('\ufffd')) throw new Error(`${place(token.at)}: ${quote(value)}: invalid UTF-8`)
  return value
}

function place(at: number): string {
  return `offset ${at}`
}
