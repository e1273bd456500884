// The parsed query: plain data, one `kind` per node, shared by everything after the parser. Positions are offsets into the
// query text. Nothing here knows how a node is evaluated.

import type { Matcher } from '../../storage/model/matcher.ts'

/** Offsets into the query text in UTF-16 units; `end` is exclusive. */
export type Position = { readonly start: number; readonly end: number }

/** What is wrong with the query, and where. */
export type ParseFailure = { readonly position: Position; readonly text: string }

/** Of one query; further mistakes are not worth reading. */
export const maxFailures = 10

export type ValueType = 'scalar' | 'vector' | 'matrix' | 'string'

export type Expr =
  | NumberLiteral
  | StringLiteral
  | VectorSelector
  | MatrixSelector
  | SubqueryExpr
  | AggregateExpr
  | BinaryExpr
  | UnaryExpr
  | ParenExpr
  | CallExpr

export type NumberLiteral = {
  readonly kind: 'numberLiteral'
  readonly position: Position
  readonly value: number
  /** Written as a duration such as `5m`; printed as one again. */
  readonly isDuration: boolean
}

export type StringLiteral = { readonly kind: 'stringLiteral'; readonly position: Position; readonly value: string }

/** `@`: milliseconds since 1970, or the start or end of the query's range. */
export type AtModifier = number | 'start' | 'end'

/** The offset of a selector or subquery. After `resolveDurations` the milliseconds are final and there is no expression. */
export type Offset = { readonly offsetMs: number; readonly offsetExpr?: DurationExpr }

export type VectorSelector = Offset & {
  readonly kind: 'vectorSelector'
  readonly position: Position
  /** The metric name when it stands before the braces, or as a quoted string inside; else `''`. */
  readonly name: string
  /** All conditions, the one on `__name__` included. */
  readonly matchers: readonly Matcher[]
  readonly at?: AtModifier
  readonly anchored: boolean
  readonly smoothed: boolean
}

/** `selector[range]`; `offset`, `@`, `anchored` and `smoothed` are in `selector`. */
export type MatrixSelector = {
  readonly kind: 'matrixSelector'
  readonly position: Position
  readonly selector: VectorSelector
  readonly rangeMs: number
  readonly rangeExpr?: DurationExpr
}

export type SubqueryExpr = Offset & {
  readonly kind: 'subquery'
  readonly position: Position
  readonly expr: Expr
  readonly rangeMs: number
  readonly rangeExpr?: DurationExpr
  /** 0 stands for the default, the global evaluation interval. */
  readonly stepMs: number
  readonly stepExpr?: DurationExpr
  readonly at?: AtModifier
}

/** Aggregations of nothing but a vector; each can be fed series by series. */
export const plainAggregateOps = ['sum', 'avg', 'count', 'min', 'max', 'group', 'stddev', 'stdvar'] as const
/** Those with a parameter before it. */
export const parameterAggregateOps = ['topk', 'bottomk', 'count_values', 'quantile', 'limitk', 'limit_ratio'] as const
export type PlainAggregateOp = (typeof plainAggregateOps)[number]
export type AggregateOp = PlainAggregateOp | (typeof parameterAggregateOps)[number]

export type AggregateExpr = {
  readonly kind: 'aggregation'
  readonly position: Position
  readonly op: AggregateOp
  readonly expr: Expr
  readonly param?: Expr
  readonly grouping: readonly string[]
  readonly without: boolean
}

export const comparisonOps = ['==', '!=', '<', '<=', '>', '>='] as const
export const arithmeticOps = ['+', '-', '*', '/', '%', '^', 'atan2'] as const
export const setOps = ['and', 'or', 'unless'] as const
/** Cut a native histogram at a value. */
export const trimOps = ['</', '>/'] as const
export type ComparisonOp = (typeof comparisonOps)[number]
export type ArithmeticOp = (typeof arithmeticOps)[number]
export type SetOp = (typeof setOps)[number]
export type TrimOp = (typeof trimOps)[number]
export type BinaryOp = ComparisonOp | ArithmeticOp | SetOp | TrimOp

export type MatchCardinality = 'one-to-one' | 'many-to-one' | 'one-to-many' | 'many-to-many'

export type VectorMatching = {
  /** `group_left` is many-to-one, `group_right` one-to-many, set operators are many-to-many. */
  readonly card: MatchCardinality
  /** True for `on(labels)`, false for `ignoring(labels)` and for neither. */
  readonly on: boolean
  readonly labels: readonly string[]
  /** The labels in parentheses after `group_left` or `group_right`. */
  readonly include: readonly string[]
  /** What stands in for a missing partner on that side. */
  readonly fillLhs?: number
  readonly fillRhs?: number
}

export type BinaryExpr = {
  readonly kind: 'binaryExpr'
  readonly position: Position
  readonly op: BinaryOp
  readonly lhs: Expr
  readonly rhs: Expr
  readonly bool: boolean
  /** Set exactly when both sides are instant vectors. */
  readonly matching?: VectorMatching
}

export type UnaryExpr = { readonly kind: 'unaryExpr'; readonly position: Position; readonly op: '+' | '-'; readonly expr: Expr }

export type ParenExpr = { readonly kind: 'parenExpr'; readonly position: Position; readonly expr: Expr }

/** `name` is in the table of `signatures.ts`; the arguments fit its signature. */
export type CallExpr = {
  readonly kind: 'call'
  readonly position: Position
  readonly name: string
  readonly args: readonly Expr[]
}

/** Arithmetic on durations, in seconds. Only durations that are more than a literal become one of these. */
export type DurationExpr =
  | { readonly kind: 'durationLiteral'; readonly seconds: number; readonly isDuration: boolean; readonly position: Position }
  | { readonly kind: 'durationUnary'; readonly op: '+' | '-'; readonly expr: DurationExpr; readonly position: Position }
  | {
      readonly kind: 'durationBinary'
      readonly op: '+' | '-' | '*' | '/' | '%' | '^'
      readonly lhs: DurationExpr
      readonly rhs: DurationExpr
      readonly position: Position
    }
  | { readonly kind: 'durationParen'; readonly expr: DurationExpr; readonly position: Position }
  | {
      readonly kind: 'durationCall'
      readonly name: 'step' | 'range' | 'min_of' | 'max_of'
      readonly args: readonly DurationExpr[]
      readonly position: Position
    }

/** The expression inside any number of parentheses. */
export function withoutParens(expr: Expr): Expr {
  let inner = expr
  while (inner.kind === 'parenExpr') inner = inner.expr
  return inner
}

export function isPlainAggregation(op: AggregateOp): op is PlainAggregateOp {
  return (plainAggregateOps as readonly AggregateOp[]).includes(op)
}

/** Needs the feature `promql-experimental-functions`. */
export function isExperimentalAggregation(op: AggregateOp): boolean {
  return op === 'limitk' || op === 'limit_ratio'
}

/** Operators between vectors that look at labels alone. */
export function isSetOperator(op: BinaryOp): op is SetOp {
  return op === 'and' || op === 'or' || op === 'unless'
}

export function isComparison(op: BinaryOp): op is ComparisonOp {
  return op === '==' || op === '!=' || op === '<' || op === '<=' || op === '>' || op === '>='
}
