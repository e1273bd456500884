// PromQL's string literals: double and single quotes with Go's escapes, back quotes without any. And Go's `%q`, which
// error texts and printed queries use.

const shortEscapes: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11, '\\': 92 }

type Escape = { readonly length: number } & ({ readonly byte: number } | { readonly codePoint: number } | { readonly error: string })

/** What bytes that are no UTF-8 became when the query was read. As itself it is refused too, as in Prometheus. */
const replacementCharacter = '\ufffd'

/** Why the literal (with its quotes) is not valid, in the words of Prometheus's lexer; `undefined` when it is. */
export function stringLiteralError(literal: string): string | undefined {
  const mark = literal[0] ?? ''
  const badRuneAt = literal.indexOf(replacementCharacter)
  const readable = badRuneAt < 0 ? literal.length : badRuneAt
  for (let i = mark === '`' ? -1 : literal.indexOf('\\'); i >= 0 && i < readable; ) {
    if (i === literal.length - 1) return 'escape sequence not terminated'
    const escape = readEscape(literal, i, mark)
    if ('error' in escape) return escape.error
    i = literal.indexOf('\\', i + escape.length)
  }
  return badRuneAt < 0 ? undefined : 'invalid UTF-8 rune'
}

/** The text of a valid literal. Bytes given by `\x` or octal escapes are read as UTF-8. */
export function unquote(literal: string): string {
  const mark = literal[0] ?? ''
  const inner = literal.slice(1, -1)
  if (mark === '`') return inner
  if (!inner.includes('\\')) return inner
  const parts: Buffer[] = []
  let i = 0
  while (i < inner.length) {
    const next = inner.indexOf('\\', i)
    if (next !== i) {
      const end = next < 0 ? inner.length : next
      parts.push(Buffer.from(inner.slice(i, end)))
      i = end
      continue
    }
    const escape = readEscape(inner, i, mark)
    if ('byte' in escape) parts.push(Buffer.of(escape.byte))
    else if ('codePoint' in escape) parts.push(Buffer.from(String.fromCodePoint(escape.codePoint)))
    i += escape.length
  }
  return Buffer.concat(parts).toString('utf8')
}

/** Reads the escape that begins with the backslash at `at`. */
function readEscape(text: string, at: number, mark: string): Escape {
  const kind = String.fromCodePoint(text.codePointAt(at + 1) ?? 0)
  if (kind === mark) return { length: 2, codePoint: mark.charCodeAt(0) }
  const short = shortEscapes[kind]
  if (short !== undefined) return { length: 2, codePoint: short }
  if (/[0-7]/.test(kind)) return readDigits(text, at + 1, { count: 3, base: 8, max: 255 })
  if (kind === 'x') return readDigits(text, at + 2, { count: 2, base: 16, max: 255 })
  if (kind === 'u') return readDigits(text, at + 2, { count: 4, base: 16, max: 0x10ffff })
  if (kind === 'U') return readDigits(text, at + 2, { count: 8, base: 16, max: 0x10ffff })
  return { length: 2, error: `unknown escape sequence ${unicodeName(kind)}` }
}

function readDigits(text: string, from: number, form: { count: number; base: 8 | 16; max: number }): Escape {
  let value = 0
  for (let i = from; i < from + form.count; i++) {
    const digit = text[i] ?? ''
    const isDigit = form.base === 8 ? /[0-7]/.test(digit) : /[0-9a-fA-F]/.test(digit)
    if (!isDigit) {
      const character = String.fromCodePoint(text.codePointAt(i) ?? 0)
      return { length: 2, error: `illegal character ${unicodeName(character)} in escape sequence` }
    }
    value = value * form.base + Number.parseInt(digit, form.base)
  }
  const length = form.count + (form.base === 8 ? 1 : 2)
  if (value > form.max || (value >= 0xd800 && value < 0xe000)) return { length, error: 'escape sequence is an invalid Unicode code point' }
  return form.count <= 3 ? { length, byte: value } : { length, codePoint: value }
}

/** Go's `%#U`. */
function unicodeName(character: string): string {
  const code = character.codePointAt(0) ?? 0
  const name = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
  return isPrintable(character) ? `${name} '${character}'` : name
}

function isPrintable(character: string): boolean {
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(character)
}

const quoteEscapes: Readonly<Record<string, string>> = {
  '\x07': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v', '\\': '\\\\', '"': '\\"',
}

/** Text as Go's `%q` prints it. */
export function goQuote(text: string): string {
  if (/^[ !#-[\]-~]*$/.test(text)) return `"${text}"`
  let quoted = '"'
  for (const character of text) {
    const short = quoteEscapes[character]
    const code = character.codePointAt(0) ?? 0
    if (short !== undefined) quoted += short
    else if (isPrintable(character)) quoted += character
    else if (code < 0x80) quoted += `\\x${code.toString(16).padStart(2, '0')}`
    else if (code <= 0xffff) quoted += `\\u${code.toString(16).padStart(4, '0')}`
    else quoted += `\\U${code.toString(16).padStart(8, '0')}`
  }
  return `${quoted}"`
}
