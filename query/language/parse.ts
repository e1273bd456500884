// From the text of a query to a checked tree, or to an error that says where: `1:5: parse error: unexpected ...`. The
// grammar object is built once per thread and the last trees are kept, because dashboards and rules ask the same again.

import type { IToken, TokenType } from 'chevrotain'
import type { Matcher } from '../../storage/model/matcher.ts'
import { QueryError } from '../queryError.ts'
import type { Expr, ParseFailure } from './ast.ts'
import { Builder, ParseAborted, type ParseFeatures } from './builder.ts'
import { isTooDeep, tooDeep } from './depth.ts'
import { PromqlGrammar } from './grammar.ts'
import { KeptByText } from './keptByText.ts'
import * as t from './tokens.ts'
import { typeErrors } from './typecheck.ts'

export type { ParseFeatures } from './builder.ts'

const noFeatures: ParseFeatures = new Set()
const unhurried = () => {}
/** In UTF-16 units. A longer text would take seconds, and gigabytes, before it is a tree. */
const maxTextLength = 1024 * 1024
/** Built by the first query, or ahead of it: nobody asks the main thread of most servers. */
let builtGrammar: PromqlGrammar | undefined
const caches = new WeakMap<ParseFeatures, KeptByText<Expr>>()
const selectors = new KeptByText<readonly Matcher[]>()

/** Builds what the first query would have to wait for. */
export function prepareParser(): void {
  parseRule('0', { features: noFeatures, check: unhurried, rule: 'expression' })
}

/**
 * Parses and type-checks. Throws a `QueryError` of type bad_data that lists the first mistakes, each on a line. `check` is called
 * time and again, and may throw to end it.
 */
export function parseQuery(text: string, features: ParseFeatures = noFeatures, check = unhurried): Expr {
  return cacheFor(features).get(text, () => parseAfresh(text, features, check))
}

/** The conditions of one selector without range or modifiers, as in `match[]`; here it may match everything. */
export function parseSelector(text: string, check = unhurried): readonly Matcher[] {
  return selectors.get(text, () => {
    const expr = parseRule(text, { features: noFeatures, check, rule: 'selector' })
    if (expr.kind !== 'vectorSelector') throw new Error(`bug: a selector is parsed as ${expr.kind}`)
    return expr.matchers
  })
}

function cacheFor(features: ParseFeatures): KeptByText<Expr> {
  let cache = caches.get(features)
  if (cache === undefined) caches.set(features, (cache = new KeptByText()))
  return cache
}

function parseAfresh(text: string, features: ParseFeatures, check: () => void): Expr {
  try {
    const expr = parseRule(text, { features, check, rule: 'expression' })
    check()
    if (isTooDeep(expr)) throw parseError(text, [at(0, tooDeep)])
    const failures = typeErrors(expr, text)
    if (failures.length > 0) throw parseError(text, failures)
    return expr
  } catch (error) {
    throw isStackOverflow(error) ? parseError(text, [at(0, tooDeep)]) : error
  }
}

/** The grammar is followed on the stack, which has room for more nesting than anybody writes. Nothing is left half done but the tree. */
function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message === 'Maximum call stack size exceeded'
}

type RuleOptions = { readonly features: ParseFeatures; readonly check: () => void; readonly rule: 'expression' | 'selector' }

/** The whole text as one rule of the grammar, its types not checked yet. */
function parseRule(text: string, { features, check, rule }: RuleOptions): Expr {
  if (text.length > maxTextLength) throw new QueryError('bad_data', `a query of ${text.length} characters is too long, there may be ${maxTextLength}`)
  const { tokens, error } = t.tokenize(text)
  check()
  if (tokens.length === 0 && error === undefined) throw parseError(text, [at(0, rule === 'selector' ? 'unexpected end of input' : 'no expression found in input')])
  const builder = new Builder(features, check)
  const grammar = (builtGrammar ??= new PromqlGrammar())
  grammar.builder = builder
  grammar.input = tokens
  let expr: Expr | undefined
  try {
    expr = grammar[rule]()
  } catch (thrown) {
    if (!(thrown instanceof ParseAborted)) throw thrown
    throw parseError(text, builder.failures)
  }
  const exception = grammar.errors[0]
  if (exception !== undefined) {
    const stoppedAt = tokens.indexOf(exception.token)
    if (stoppedAt < 0 && error !== undefined) builder.failures.push(at(error.offset, error.text))
    else builder.failures.push(syntaxError(text, tokens, stoppedAt, exception.context.ruleStack))
  } else if (error !== undefined) {
    builder.failures.push(at(error.offset, error.text))
  }
  if (builder.failures.length > 0 || expr === undefined) throw parseError(text, builder.failures)
  return expr
}

function at(offset: number, text: string): ParseFailure {
  return { position: { start: offset, end: offset }, text }
}

function parseError(query: string, failures: readonly ParseFailure[]): QueryError {
  const lines = failures.map(({ position, text }) => `${lineAndColumn(query, position.start)}: parse error: ${text}`)
  return new QueryError('bad_data', lines.join('\n'))
}

/** Both count from 1; the column counts bytes, as Prometheus does. */
function lineAndColumn(query: string, offset: number): string {
  const lines = query.slice(0, offset).split('\n')
  return `${lines.length}:${Buffer.byteLength(lines.at(-1) ?? '') + 1}`
}

/** What Prometheus says when token `index` (-1: the end) cannot be where it is. */
function syntaxError(query: string, tokens: readonly IToken[], index: number, ruleStack: readonly string[]): ParseFailure {
  const token = tokens[index]
  const what = token === undefined ? 'end of input' : t.describeToken(token)
  const before = (index < 0 ? tokens : tokens.slice(0, index)).map((one) => one.tokenType)
  const { context, expected } = expectation(before, ruleStack)
  const text = `unexpected ${what}${context === '' ? '' : ` in ${context}`}${expected === '' ? '' : `, expected ${expected}`}`
  return at(token?.startOffset ?? query.length, text)
}

type Expectation = { readonly context: string; readonly expected: string }

/** Which construct the parser was in, by the rules that were open and the tokens before. */
function expectation(before: readonly TokenType[], ruleStack: readonly string[]): Expectation {
  const last = before.at(-1)
  const isDuration = ruleStack.some((rule) => rule.startsWith('duration') || rule === 'signedDuration')
  for (const rule of ruleStack.toReversed()) {
    switch (rule) {
      case 'matcher':
      case 'matchers':
        return { context: 'label matching', expected: expectedInMatcher(before) }
      case 'groupingLabels':
        if (last === t.LeftParen || last === t.Comma) return { context: 'grouping opts', expected: 'label' }
        return { context: 'grouping opts', expected: isLabelList(before.slice(before.lastIndexOf(t.LeftParen) + 1)) ? '"," or ")"' : '"("' }
      case 'groupingLabel':
        return { context: 'grouping opts', expected: 'label' }
      case 'at':
        return { context: '@', expected: 'timestamp' }
      case 'offset':
        return { context: 'offset', expected: 'number, duration, step(), or range()' }
      case 'range': {
        const sinceBracket = before.slice(before.lastIndexOf(t.LeftBracket) + 1)
        if (sinceBracket.includes(t.Colon)) {
          const complete = !isDuration && last !== t.Colon
          return { context: 'subquery selector', expected: complete ? '"]"' : 'number, duration, step(), range(), or "]"' }
        }
        if (isDuration || sinceBracket.length === 0) return { context: 'subquery or range selector', expected: 'number, duration, step(), or range()' }
        return { context: 'subquery or range', expected: '":" or "]"' }
      }
      case 'aggregation':
        return { context: 'aggregation', expected: '' }
    }
  }
  return { context: '', expected: '' }
}

function expectedInMatcher(before: readonly TokenType[]): string {
  const last = before.at(-1)
  if (last === t.LeftBrace || last === t.Comma) return 'identifier or "}"'
  if (last === t.LabelName) return 'label matching operator'
  return last === t.StringToken ? '"," or "}"' : 'string'
}

/** Labels with a comma after each but the last. */
function isLabelList(types: readonly TokenType[]): boolean {
  return types.length % 2 === 1 && types.every((type, i) => i % 2 === 0 || type === t.Comma)
}
