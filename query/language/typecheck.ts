// The types of expressions, and the check that operands and arguments fit, in Prometheus's words. A tree that passes here
// can be evaluated without looking at types again.

import { unreachable } from '../../src/base/assert.ts'
import { metricNameLabel } from '../../storage/model/labels.ts'
import { matchesEmpty } from '../../storage/model/matcher.ts'
import { isComparison, isSetOperator, maxFailures, type AggregateExpr, type BinaryExpr, type CallExpr, type Expr, type ParseFailure, type Position, type ValueType, type VectorSelector } from './ast.ts'
import { functionSignatures, type FunctionSignature } from './signatures.ts'
import { goQuote } from './stringLiteral.ts'

/** Remembered, because in a long sum every operator asks for the type of everything before it. */
const binaryTypes = new WeakMap<BinaryExpr, ValueType>()

/** Of an expression whose functions are known. */
export function valueTypeOf(expr: Expr): ValueType {
  switch (expr.kind) {
    case 'numberLiteral':
      return 'scalar'
    case 'stringLiteral':
      return 'string'
    case 'vectorSelector':
    case 'aggregation':
      return 'vector'
    case 'matrixSelector':
    case 'subquery':
      return 'matrix'
    case 'binaryExpr': {
      let type = binaryTypes.get(expr)
      if (type === undefined) {
        type = valueTypeOf(expr.lhs) === 'scalar' && valueTypeOf(expr.rhs) === 'scalar' ? 'scalar' : 'vector'
        binaryTypes.set(expr, type)
      }
      return type
    }
    case 'unaryExpr':
    case 'parenExpr': {
      let inner: Expr = expr
      while (inner.kind === 'unaryExpr' || inner.kind === 'parenExpr') inner = inner.expr
      return valueTypeOf(inner)
    }
    case 'call':
      return signatureOf(expr).returnType
    default:
      return unreachable(expr)
  }
}

/** How messages call a type. */
function documentedType(type: ValueType): string {
  if (type === 'vector') return 'instant vector'
  return type === 'matrix' ? 'range vector' : type
}

/** The first type errors of the tree, in reading order; `text` is the query. */
export function typeErrors(expr: Expr, text: string): readonly ParseFailure[] {
  const failures: ParseFailure[] = []
  new TypeCheck(text, failures).check(expr)
  return failures
}

function signatureOf(call: CallExpr): FunctionSignature {
  const signature = functionSignatures.get(call.name)
  if (signature === undefined) throw new Error(`bug: no signature of ${call.name}`)
  return signature
}

class TypeCheck {
  readonly #text: string
  readonly #failures: ParseFailure[]

  constructor(text: string, failures: ParseFailure[]) {
    this.#text = text
    this.#failures = failures
  }

  check(expr: Expr): ValueType {
    switch (expr.kind) {
      case 'numberLiteral':
      case 'stringLiteral':
        break
      case 'vectorSelector':
        this.#selector(expr)
        break
      case 'matrixSelector':
        this.#selector(expr.selector)
        break
      case 'subquery': {
        const type = this.check(expr.expr)
        if (type !== 'vector') this.#report(expr.position, `subquery is only allowed on instant vector, got ${type} instead`)
        break
      }
      case 'aggregation':
        this.#aggregation(expr)
        break
      case 'binaryExpr':
        this.#binary(expr)
        break
      case 'unaryExpr': {
        const type = this.check(expr.expr)
        if (type !== 'scalar' && type !== 'vector') {
          const text = `unary expression only allowed on expressions of type scalar or instant vector, got ${goQuote(documentedType(type))}`
          this.#report(expr.position, text)
        }
        break
      }
      case 'parenExpr':
        this.check(expr.expr)
        break
      case 'call':
        this.#call(expr)
        break
      default:
        return unreachable(expr)
    }
    return valueTypeOf(expr)
  }

  #report(position: Position, text: string): void {
    if (this.#failures.length < maxFailures) this.#failures.push({ position, text })
  }

  #expect(expr: Expr, wanted: ValueType, context: string): void {
    const type = this.check(expr)
    if (type !== wanted) this.#report(expr.position, `expected type ${documentedType(wanted)} in ${context}, got ${documentedType(type)}`)
  }

  #selector(selector: VectorSelector, needsCondition = true): void {
    const { name, matchers, position } = selector
    if (name !== '') {
      for (const matcher of matchers.slice(0, -1)) {
        if (matcher.name === metricNameLabel) this.#report(position, `metric name must not be set twice: ${goQuote(name)} or ${goQuote(matcher.value)}`)
      }
      return
    }
    let found: string | undefined
    for (const matcher of matchers) {
      if (matcher.name !== metricNameLabel || matcher.op !== '=') continue
      if (found !== undefined) this.#report(position, `metric name must not be set twice: ${goQuote(found)} or ${goQuote(matcher.value)}`)
      found = matcher.value
    }
    if (needsCondition && matchers.every(matchesEmpty)) this.#report(position, 'vector selector must contain at least one non-empty matcher')
  }

  #aggregation({ op, expr, param }: AggregateExpr): void {
    this.#expect(expr, 'vector', 'aggregation expression')
    if (param !== undefined) this.#expect(param, op === 'count_values' ? 'string' : 'scalar', 'aggregation parameter')
  }

  #binary(expr: BinaryExpr): void {
    const { op, lhs, rhs, bool, matching, position } = expr
    const left = this.check(lhs)
    const right = this.check(rhs)
    if (bool && !isComparison(op)) this.#report(this.#operatorPosition(expr), 'bool modifier can only be used on comparison operators')
    if (isComparison(op) && !bool && left === 'scalar' && right === 'scalar') {
      this.#report(this.#operatorPosition(expr), 'comparisons between scalars must use BOOL modifier')
    }
    if ((op === '</' || op === '>/') && left === 'scalar' && right === 'scalar') {
      this.#report(this.#operatorPosition(expr), `operator ${goQuote(op)} not allowed for Scalar operations`)
    }
    if (matching?.on) {
      for (const label of matching.labels) {
        if (matching.include.includes(label)) {
          this.#report(this.#operatorPosition(expr), `label ${goQuote(label)} must not occur in ON and GROUP clause at once`)
        }
      }
    }
    for (const [side, type] of [[lhs, left], [rhs, right]] as const) {
      if (type !== 'scalar' && type !== 'vector') this.#report(side.position, 'binary expression must contain only scalar and instant vector types')
    }
    const fills = matching?.fillLhs !== undefined || matching?.fillRhs !== undefined
    if (left !== 'vector' || right !== 'vector') {
      if (matching !== undefined && matching.labels.length > 0) this.#report(position, 'vector matching only allowed between instant vectors')
      if (fills) this.#report(position, 'filling in missing series only allowed between instant vectors')
    } else if (isSetOperator(op) && matching !== undefined) {
      if (matching.card !== 'many-to-many') this.#report(position, `no grouping allowed for ${goQuote(op)} operation`)
      if (fills) this.#report(position, 'filling in missing series not allowed for set operators')
    }
    if ((left === 'scalar' || right === 'scalar') && isSetOperator(op)) {
      this.#report(position, `set operator ${goQuote(op)} not allowed in binary scalar expression`)
    }
  }

  /** Where the operator and its modifiers stand, without the blanks around them. */
  #operatorPosition({ lhs, rhs }: BinaryExpr): Position {
    let start = lhs.position.end
    while (/\s/.test(this.#text[start] ?? '')) start++
    let end = rhs.position.start
    while (end > start && /\s/.test(this.#text[end - 1] ?? '')) end--
    return { start, end }
  }

  #call(call: CallExpr): void {
    const { name, args, position } = call
    const { argTypes, variadic } = signatureOf(call)
    const count = `argument(s) in call to ${goQuote(name)}, got ${args.length}`
    if (variadic === 0) {
      if (args.length !== argTypes.length) this.#report(position, `expected ${argTypes.length} ${count}`)
    } else {
      const least = argTypes.length - 1
      const most = least + variadic
      if (args.length < least) this.#report(position, `expected at least ${least} ${count}`)
      else if (variadic > 0 && args.length > most) this.#report(position, `expected at most ${most} ${count}`)
    }
    args.forEach((arg, i) => {
      const wanted = argTypes[i] ?? (variadic === 0 ? undefined : argTypes.at(-1))
      if (name === 'info' && i === 1) this.#infoSelector(arg)
      else if (wanted !== undefined) this.#expect(arg, wanted, `call to function ${goQuote(name)}`)
    })
  }

  /** The second argument of `info` stands for labels, not for a metric, so it may match everything. */
  #infoSelector(arg: Expr): void {
    if (arg.kind !== 'vectorSelector') {
      this.#report(arg.position, `expected label selectors as the second argument to "info" function, got ${documentedType(valueTypeOf(arg))}`)
    } else if (arg.name !== '') {
      this.#report(arg.position, 'expected label selectors only, got vector selector instead')
    } else {
      this.#selector(arg, false)
    }
  }
}
