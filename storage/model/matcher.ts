// Label matchers with RE2 semantics: linear time, anchored at both ends, dot matches newline. Regular expressions that
// are plain alternatives or prefixes never reach the expression engine.

import { RE2JS } from 're2js'

export type MatcherOp = '=' | '!=' | '=~' | '!~'

export type Matcher = {
  readonly name: string
  readonly op: MatcherOp
  readonly value: string
  /** Whether a label with this value passes; a missing label counts as `''`. */
  matches(value: string): boolean
  /** All values that can pass, when they are known beforehand: `a|b|c` or `=`; only set for `=` and `=~`. */
  readonly literals?: readonly string[]
}

/** In UTF-16 units: so many take the expression engine half a second and 50 MB to compile. Plain alternatives may be longer. */
const maxRegexLength = 100_000

/** The regular expression of a matcher, relabel rule or route was not valid RE2. */
class RegexError extends Error {}

/** Compiles `pattern` as Prometheus does, `^(?s:pattern)$`. Throws `RegexError`. */
export function compileAnchored(pattern: string): RE2JS {
  try {
    return RE2JS.compile(`^(?s:${pattern})$`)
  } catch (error) {
    throw new RegexError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

/** Throws `RegexError` when `op` takes a regular expression and `value` is none. */
export function createMatcher(name: string, op: MatcherOp, value: string): Matcher {
  switch (op) {
    case '=':
      return { name, op, value, matches: (v) => v === value, literals: [value] }
    case '!=':
      return { name, op, value, matches: (v) => v !== value }
    case '=~': {
      const test = regexTest(value)
      return { name, op, value, matches: test.matches, ...(test.literals && { literals: test.literals }) }
    }
    case '!~': {
      const test = regexTest(value)
      return { name, op, value, matches: (v) => !test.matches(v) }
    }
  }
}

/** A matcher as it crosses threads. */
export type MatcherText = { readonly name: string; readonly op: MatcherOp; readonly value: string }

export function matcherTexts(matchers: readonly Matcher[]): MatcherText[] {
  return matchers.map(({ name, op, value }) => ({ name, op, value }))
}

export function createMatchers(texts: readonly MatcherText[]): Matcher[] {
  return texts.map(({ name, op, value }) => createMatcher(name, op, value))
}

/** Whether the matcher lets a series pass that does not have the label. */
export function matchesEmpty(matcher: Matcher): boolean {
  return matcher.matches('')
}

type RegexTest = { matches(value: string): boolean; readonly literals?: readonly string[] }

function regexTest(pattern: string): RegexTest {
  if (pattern === '.*') return { matches: () => true }
  if (pattern === '.+') return { matches: (v) => v !== '' }
  const literals = plainAlternatives(pattern)
  if (literals !== undefined) {
    const set = new Set(literals)
    return { matches: (v) => set.has(v), literals }
  }
  if (pattern.length > maxRegexLength) throw new RegexError(`error parsing regexp: expression too large: ${pattern.length} characters, there may be ${maxRegexLength}`)
  const regex = compileAnchored(pattern)
  const prefix = /^([^\\.+*?()|[\]{}^$]+)\.([*+])$/.exec(pattern)
  if (prefix?.[1] !== undefined) {
    const start = prefix[1]
    const minLength = start.length + (prefix[2] === '+' ? 1 : 0)
    return { matches: (v) => v.startsWith(start) && v.length >= minLength }
  }
  const seen = new Map<string, boolean>()
  return {
    matches: (v) => {
      let result = seen.get(v)
      if (result === undefined) {
        result = regex.matches(v)
        if (seen.size < 10_000) seen.set(v, result)
      }
      return result
    },
  }
}

/** A character that stands for itself. */
const escapedCharacter = /\\[^0-9A-Za-z\u0080-\uffff]/g

/**
 * `a|b|c` as its alternatives, when none of them holds a character that means something in a regular expression, or only escaped.
 * All may stand in parentheses: `(10\.0\.0\.1:9100|10\.0\.0\.2:9100)` is how Grafana writes the values of a variable.
 */
function plainAlternatives(pattern: string): readonly string[] | undefined {
  const [, inner = pattern] = /^\((?:\?:)?(.*)\)$/s.exec(pattern) ?? []
  if (/[\\.+*?()[\]{}^$]/.test(inner.replace(escapedCharacter, ''))) return undefined
  const alternatives = new Set<string>()
  let text = ''
  for (const [part] of inner.matchAll(/\\.|\||[^\\|]+/gs)) {
    if (part === '|') {
      alternatives.add(text)
      text = ''
    } else {
      text += part.startsWith('\\') ? part.slice(1) : part
    }
  }
  return [...alternatives.add(text)]
}
