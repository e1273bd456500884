// Makes the nodes of the tree while the grammar reads, and collects what is wrong with them that is not a matter of types:
// unknown functions, modifiers in the wrong place, regular expressions that do not compile, features that are off.

import type { IToken } from 'chevrotain'
import { errorText } from '../../src/base/assert.ts'
import { metricNameLabel } from '../../storage/model/labels.ts'
import { createMatcher, type Matcher, type MatcherOp } from '../../storage/model/matcher.ts'
import { isExperimentalAggregation, isPlainAggregation, isSetOperator, maxFailures, type AggregateOp, type BinaryExpr, type BinaryOp, type DurationExpr, type Expr, type ParseFailure, type Position, type VectorMatching, type VectorSelector } from './ast.ts'
import { maxDepth, tooDeep } from './depth.ts'
import { parseDurationSeconds, parseNumber } from './numberLiteral.ts'
import { functionSignatures } from './signatures.ts'
import { goQuote, unquote } from './stringLiteral.ts'
import { DurationToken, wordOf } from './tokens.ts'
import { valueTypeOf } from './typecheck.ts'

/** The names given to `--enable-feature`. */
export type ParseFeatures = ReadonlySet<string>

/** Ends the parse at once; the reason is in `failures`. */
export class ParseAborted extends Error {}

const precedence: Readonly<Record<BinaryOp, number>> = {
  or: 1,
  and: 2, unless: 2,
  '==': 3, '!=': 3, '<': 3, '<=': 3, '>': 3, '>=': 3, '</': 3, '>/': 3,
  '+': 4, '-': 4,
  '*': 5, '/': 5, '%': 5, atan2: 5,
  '^': 6,
}
const powerPrecedence = precedence['^']

/** Nodes that are made between two looks at the limits. */
const nodesPerCheck = 1_000

/** Beyond this distance from 1970, in milliseconds, a timestamp does not fit Prometheus's 64 bits. */
const maxTimestampMs = 2 ** 63

/** The longest duration Prometheus can hold, in seconds. */
const maxDurationSeconds = 9_223_372_036.854775807

/** What stands between two operands. */
export type Operator = {
  readonly op: BinaryOp
  readonly token: IToken
  readonly bool: boolean
  readonly matching: VectorMatching | undefined
}

/** An operand with the signs before it. */
export type Operand = { readonly signs: readonly IToken[]; readonly expr: Expr }

export type Grouping = { readonly labels: readonly string[]; readonly without: boolean }

export class Builder {
  readonly failures: ParseFailure[] = []
  readonly #features: ParseFeatures
  readonly #check: () => void
  #matchers: Matcher[] = []
  #made = 0

  /** `check` is called time and again, and throws when the parse is to end. */
  constructor(features: ParseFeatures, check: () => void) {
    this.#features = features
    this.#check = check
  }

  report(position: Position, text: string): void {
    if (this.failures.length < maxFailures) this.failures.push({ position, text })
  }

  fail(position: Position, text: string): never {
    this.report(position, text)
    throw new ParseAborted(text)
  }

  requireFeature(feature: string, position: Position, text: string): void {
    if (!this.#features.has(feature)) this.report(position, text)
  }

  /** The row has `length` operators so far, which will be levels of the tree. */
  limitRow(length: number, last: IToken): void {
    if (length > maxDepth) this.fail(tokenPosition(last), tooDeep)
  }

  #count(): void {
    if (++this.#made % nodesPerCheck === 0) this.#check()
  }

  number(token: IToken): number {
    this.#count()
    const value = token.tokenType === DurationToken ? parseDurationSeconds(token.image) : parseNumber(token.image)
    if (typeof value === 'number') return value
    this.report(tokenPosition(token), value)
    return 1
  }

  unquote(token: IToken): string {
    return unquote(token.image)
  }

  /** Nests a row of operands by precedence; `^` is right-associative, signs bind less than `^` and as much as `*`. */
  nest(operands: readonly Operand[], operators: readonly Operator[]): Expr {
    this.#count()
    let next = 0
    const operandAt = (index: number) => operands[index] as Operand // one more operand than operators
    const climb = (minimum: number, signCount: number): Expr => {
      let left: Expr
      const { signs, expr } = operandAt(next)
      const sign = signs[signCount]
      if (sign !== undefined) left = this.#unary(sign, climb(powerPrecedence, signCount + 1))
      else left = expr
      for (let operator = operators[next]; operator !== undefined && precedence[operator.op] >= minimum; operator = operators[next]) {
        next++
        const right = climb(precedence[operator.op] + (operator.op === '^' ? 0 : 1), 0)
        left = this.#binary(operator, left, right)
      }
      return left
    }
    return climb(0, 0)
  }

  #unary(sign: IToken, expr: Expr): Expr {
    const op = sign.image === '-' ? '-' : '+'
    const position = { start: sign.startOffset, end: expr.position.end }
    if (expr.kind === 'numberLiteral') return { ...expr, position, value: op === '-' ? -expr.value : expr.value }
    return { kind: 'unaryExpr', position, op, expr }
  }

  #binary(operator: Operator, lhs: Expr, rhs: Expr): BinaryExpr {
    const { op, bool } = operator
    const bothVectors = valueTypeOf(lhs) === 'vector' && valueTypeOf(rhs) === 'vector'
    let matching: VectorMatching | undefined = operator.matching
    if (bothVectors) {
      matching ??= { card: 'one-to-one', on: false, labels: [], include: [] }
      if (isSetOperator(op) && matching.card === 'one-to-one') matching = { ...matching, card: 'many-to-many' }
    } else if (matching?.labels.length === 0 && matching.fillLhs === undefined && matching.fillRhs === undefined) {
      // It says nothing, so that there is nothing to refuse.
      matching = undefined
    }
    const position = { start: lhs.position.start, end: rhs.position.end }
    return { kind: 'binaryExpr', position, op, lhs, rhs, bool, ...(matching && { matching }) }
  }

  startSelector(): void {
    this.#matchers = []
  }

  matcher(start: IToken, name: string, op: IToken, value: IToken): void {
    // A regular expression takes longer than a thousand of anything else.
    if (op.image.endsWith('~')) this.#check()
    else this.#count()
    try {
      this.#matchers.push(createMatcher(name, op.image as MatcherOp, unquote(value.image))) // the texts of the category MatchOperator
    } catch (error) {
      this.report({ start: start.startOffset, end: tokenPosition(value).end }, errorText(error))
    }
  }

  quotedMetricName(token: IToken): void {
    this.#matchers.push(createMatcher(metricNameLabel, '=', unquote(token.image)))
  }

  selector(name: string, position: Position): VectorSelector {
    this.#count()
    const matchers = name === '' ? this.#matchers : [...this.#matchers, createMatcher(metricNameLabel, '=', name)]
    return { kind: 'vectorSelector', position, name, matchers, offsetMs: 0, anchored: false, smoothed: false }
  }

  matrixSelector(expr: Expr, range: DurationExpr, brackets: Position): Expr {
    const end = brackets.end
    if (expr.kind !== 'vectorSelector') {
      return this.fail(brackets, 'ranges only allowed for vector selectors')
    }
    if (expr.offsetMs !== 0 || expr.offsetExpr !== undefined) this.report(brackets, 'no offset modifiers allowed before range')
    else if (expr.at !== undefined) this.report(brackets, 'no @ modifiers allowed before range')
    const position = { start: expr.position.start, end }
    return { kind: 'matrixSelector', position, selector: expr, ...this.#positiveDuration(range, 'range') }
  }

  subquery(expr: Expr, range: DurationExpr, step: DurationExpr | undefined, brackets: Position): Expr {
    const position = { start: expr.position.start, end: brackets.end }
    return {
      kind: 'subquery', position, expr, offsetMs: 0, stepMs: 0,
      ...this.#positiveDuration(range, 'range'),
      ...(step && this.#positiveDuration(step, 'step')),
    }
  }

  #positiveDuration<Name extends 'range' | 'step'>(expr: DurationExpr, name: Name) {
    type Result = { [K in `${Name}Ms`]: number } & { [K in `${Name}Expr`]?: DurationExpr }
    if (expr.kind !== 'durationLiteral') return { [`${name}Ms`]: 0, [`${name}Expr`]: expr } as Result // keys from the name
    if (expr.seconds <= 0) this.report(expr.position, 'duration must be greater than 0')
    return { [`${name}Ms`]: this.#milliseconds(expr.seconds, expr.position) } as Result // keys from the name
  }

  #milliseconds(seconds: number, position: Position): number {
    if (!(Math.abs(seconds) <= maxDurationSeconds)) this.report(position, 'duration out of range')
    return Math.trunc(Math.round(seconds * 1e6) / 1e3)
  }

  offset(expr: Expr, duration: DurationExpr): Expr {
    if (expr.kind !== 'vectorSelector' && expr.kind !== 'matrixSelector' && expr.kind !== 'subquery') {
      this.report(expr.position, 'offset modifier must be preceded by an instant vector selector or range vector selector or a subquery')
      return expr
    }
    const holder = expr.kind === 'matrixSelector' ? expr.selector : expr
    if (holder.offsetMs !== 0 || holder.offsetExpr !== undefined) this.report(expr.position, 'offset may not be set multiple times')
    const offset =
      duration.kind === 'durationLiteral' ? { offsetMs: this.#milliseconds(duration.seconds, duration.position) } : { offsetMs: 0, offsetExpr: duration }
    const position = { start: expr.position.start, end: duration.position.end }
    if (expr.kind === 'matrixSelector') return { ...expr, position, selector: { ...expr.selector, ...offset } }
    return { ...expr, position, ...offset }
  }

  at(expr: Expr, at: { seconds: number } | 'start' | 'end', end: number): Expr {
    if (expr.kind !== 'vectorSelector' && expr.kind !== 'matrixSelector' && expr.kind !== 'subquery') {
      this.report(expr.position, '@ modifier must be preceded by an instant vector selector or range vector selector or a subquery')
      return expr
    }
    const holder = expr.kind === 'matrixSelector' ? expr.selector : expr
    if (holder.at !== undefined) this.report(expr.position, '@ <timestamp> may not be set multiple times')
    let timestamp: number | 'start' | 'end'
    if (typeof at === 'string') {
      timestamp = at
    } else {
      timestamp = Math.round(at.seconds * 1000)
      if (!(Math.abs(timestamp) < maxTimestampMs)) this.report(expr.position, `timestamp out of bounds for @ modifier: ${formatFloat(at.seconds)}`)
    }
    const position = { start: expr.position.start, end }
    if (expr.kind === 'matrixSelector') return { ...expr, position, selector: { ...expr.selector, at: timestamp } }
    return { ...expr, position, at: timestamp }
  }

  extendRange(expr: Expr, word: 'anchored' | 'smoothed', wordPosition: Position): Expr {
    const holder = expr.kind === 'matrixSelector' ? expr.selector : expr
    if (holder.kind !== 'vectorSelector') {
      const reason = expr.kind === 'subquery' ? 'not supported for subqueries' : 'must be preceded by an instant or range vector selector'
      this.report(expr.position, `${word} modifier ${reason}`)
      return expr
    }
    this.requireFeature('promql-extended-range-selectors', wordPosition, `${word} modifier is experimental and not enabled`)
    if (holder.anchored || holder.smoothed) {
      this.report(wordPosition, holder[word] ? `${word} modifier may not be set multiple times` : 'anchored and smoothed modifiers cannot be used together')
    }
    const position = { start: expr.position.start, end: wordPosition.end }
    if (expr.kind === 'matrixSelector') return { ...expr, position, selector: { ...expr.selector, [word]: true } }
    return { ...holder, position, [word]: true }
  }

  aggregation(opToken: IToken, grouping: Grouping, args: readonly Expr[], position: Position): Expr {
    const op = opToken.image.toLowerCase() as AggregateOp // the texts of the category AggregateWord
    if (isExperimentalAggregation(op)) {
      const text = `${op}() is experimental and must be enabled with --enable-feature=promql-experimental-functions`
      this.requireFeature('promql-experimental-functions', position, text)
    }
    const expected = isPlainAggregation(op) ? 1 : 2
    const expr = args[expected - 1]
    const param = expected === 2 ? args[0] : undefined
    if (args.length === 0) return this.fail(position, 'no arguments for aggregate expression provided')
    if (args.length !== expected || expr === undefined) {
      return this.fail(position, `wrong number of arguments for aggregate expression provided, expected ${expected}, got ${args.length}`)
    }
    return { kind: 'aggregation', position, op, expr, ...(param && { param }), grouping: grouping.labels, without: grouping.without }
  }

  call(nameToken: IToken, args: readonly Expr[], position: Position): Expr {
    const name = wordOf(nameToken)
    const signature = functionSignatures.get(name)
    if (signature === undefined) return this.fail(tokenPosition(nameToken), `unknown function with name ${goQuote(name)}`)
    if (signature.experimental) {
      const text = `function ${goQuote(name)} is not enabled: it is experimental and needs --enable-feature=promql-experimental-functions`
      this.requireFeature('promql-experimental-functions', tokenPosition(nameToken), text)
    }
    return { kind: 'call', position, name, args }
  }

  durationBinary(op: IToken, lhs: DurationExpr, rhs: DurationExpr): DurationExpr {
    const position = { start: lhs.position.start, end: rhs.position.end }
    return { kind: 'durationBinary', op: op.image as '+', lhs, rhs, position } // the grammar lets + - * / % ^ come here
  }

  durationUnary(sign: IToken, expr: DurationExpr): DurationExpr {
    const position = { start: sign.startOffset, end: expr.position.end }
    const op = sign.image === '-' ? '-' : '+'
    if (expr.kind === 'durationLiteral') return { ...expr, seconds: op === '-' ? -expr.seconds : expr.seconds, position }
    return { kind: 'durationUnary', op, expr, position }
  }

  /** Parentheses around a literal mean nothing and are not kept. */
  durationParen(expr: DurationExpr, position: Position): DurationExpr {
    return expr.kind === 'durationLiteral' ? { ...expr, position } : { kind: 'durationParen', expr, position }
  }

  durationCall(nameToken: IToken, args: readonly DurationExpr[], position: Position): DurationExpr {
    const name = nameToken.image.toLowerCase() as 'step' | 'range' | 'min_of' | 'max_of' // the texts of the category DurationFunction
    const expected = name === 'step' || name === 'range' ? 0 : 2
    if (args.length !== expected) return this.fail(position, `expected ${expected} argument(s) in call to "${name}", got ${args.length}`)
    return { kind: 'durationCall', name, args, position }
  }
}

function tokenPosition(token: IToken): Position {
  return { start: token.startOffset, end: token.startOffset + token.image.length }
}

/** Go's `%f` for what does not fit a timestamp. */
function formatFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  return `${BigInt(value)}.000000`
}
