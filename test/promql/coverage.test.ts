// Every function, aggregation, operator and modifier of the language has a case in the scripts that says what its value is.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { unreachable } from '../../src/base/assert.ts'
import {
  arithmeticOps, comparisonOps, parameterAggregateOps, plainAggregateOps, setOps, trimOps, withoutParens,
  type AtModifier, type BinaryExpr, type DurationExpr, type Expr, type Offset, type VectorSelector,
} from '../../query/language/ast.ts'
import { parseQuery } from '../../query/language/parse.ts'
import { functionSignatures } from '../../query/language/signatures.ts'
import { valueTypeOf } from '../../query/language/typecheck.ts'
import { scriptFeatures } from './runScript.ts'
import { parseScript } from './script.ts'

const dir = join(import.meta.dirname, 'cases')

/** Parts of the language, in words, that stand in a query of which a script knows a value. */
const covered = new Set(readdirSync(dir).flatMap((name) =>
  parseScript(readFileSync(join(dir, name), 'utf8')).flatMap((command) => {
    const hasValue = command.kind === 'eval' && command.expect.fail === undefined && (command.series.length > 0 || command.scalar !== undefined || command.expect.string !== undefined)
    return hasValue ? partsOf(parseQuery(command.query, scriptFeatures)) : []
  }),
))

const missing = (parts: Iterable<string>) => [...parts].filter((part) => !covered.has(part))

describe('the scripts have a value', () => {
  it('of every function', () => {
    // Samples in a script have no start timestamps: query/engine/startTimestamps.test.ts has those.
    expect(missing([...functionSignatures.keys()].map((name) => `${name}()`))).toEqual(['start_timestamp()'])
  })

  it('of every aggregation, over all, by labels and without them', () => {
    const ops = [...plainAggregateOps, ...parameterAggregateOps]
    expect(missing(ops.flatMap((op) => [op, `${op} by`, `${op} without`]))).toEqual([])
  })

  it('of every operator between each pair of operands that it takes', () => {
    const numbers = arithmeticOps.map((op) => `scalar ${op} scalar`)
    const truths = comparisonOps.flatMap((op) => [`scalar ${op} bool scalar`, `vector ${op} bool vector`, `vector ${op} bool scalar`])
    const mixed = [...arithmeticOps, ...comparisonOps].flatMap((op) => [`vector ${op} scalar`, `scalar ${op} vector`, `vector ${op} vector`])
    const sets = setOps.map((op) => `vector ${op} vector`)
    const trims = trimOps.map((op) => `vector ${op} scalar`)
    expect(missing([...numbers, ...truths, ...mixed, ...sets, ...trims, '-scalar', '-vector', '+vector'])).toEqual([])
  })

  it('of every way to match two vectors', () => {
    const operators = ['arithmetic', 'comparison'].flatMap((kind) => ['on', 'ignoring', 'group_left', 'group_right', 'fill', 'fill_left', 'fill_right'].map((way) => `${kind} ${way}`))
    expect(missing([...operators, ...setOps.flatMap((op) => [`${op} on`, `${op} ignoring`])])).toEqual([])
  })

  it('of every kind of selector and modifier', () => {
    const modifiers = ['offset', 'negative offset', '@ time', '@ start', '@ end'].flatMap((modifier) => [`vector ${modifier}`, `range ${modifier}`, `subquery ${modifier}`])
    expect(missing([...modifiers, '=', '!=', '=~', '!~', 'anchored range', 'smoothed vector', 'smoothed range', 'range', 'subquery', 'subquery with the default step'])).toEqual([])
  })

  it('of every part of a duration that is computed', () => {
    expect(missing(['+', '-', '*', '/', '%', '^', 'unary +', 'unary -', 'step()', 'range()', 'min_of()', 'max_of()'].map((part) => `duration ${part}`))).toEqual([])
  })
})

function partsOf(expr: Expr): readonly string[] {
  switch (expr.kind) {
    case 'numberLiteral':
    case 'stringLiteral':
      return []
    case 'vectorSelector':
      return [...matcherParts(expr), ...modifierParts('vector', expr), ...(expr.smoothed ? ['smoothed vector'] : [])]
    case 'matrixSelector': {
      const { selector, rangeExpr } = expr
      const extended = [...(selector.anchored ? ['anchored range'] : []), ...(selector.smoothed ? ['smoothed range'] : [])]
      return ['range', ...matcherParts(selector), ...modifierParts('range', selector), ...extended, ...durationParts(rangeExpr)]
    }
    case 'subquery': {
      const { stepMs, rangeExpr, stepExpr } = expr
      const hasStep = stepMs !== 0 || stepExpr !== undefined
      return [hasStep ? 'subquery' : 'subquery with the default step', ...modifierParts('subquery', expr), ...durationParts(rangeExpr), ...durationParts(stepExpr), ...partsOf(expr.expr)]
    }
    case 'aggregation': {
      const { op, without, grouping, param } = expr
      return [without ? `${op} without` : grouping.length > 0 ? `${op} by` : op, ...(param === undefined ? [] : partsOf(param)), ...partsOf(expr.expr)]
    }
    case 'binaryExpr':
      return [`${valueTypeOf(expr.lhs)} ${expr.op} ${expr.bool ? 'bool ' : ''}${valueTypeOf(expr.rhs)}`, ...matchingParts(expr), ...partsOf(expr.lhs), ...partsOf(expr.rhs)]
    case 'call':
      return [`${expr.name}()`, ...expr.args.flatMap(partsOf)]
    case 'unaryExpr':
      return [`${expr.op}${valueTypeOf(withoutParens(expr.expr))}`, ...partsOf(expr.expr)]
    case 'parenExpr':
      return partsOf(expr.expr)
    default:
      return unreachable(expr)
  }
}

function matcherParts({ name, matchers }: VectorSelector): readonly string[] {
  return matchers.filter((matcher) => matcher.name !== '__name__' || matcher.value !== name).map(({ op }) => op)
}

function modifierParts(of: string, { offsetMs, offsetExpr, at }: Offset & { readonly at?: AtModifier }): readonly string[] {
  const offset = offsetMs === 0 ? [] : [offsetMs > 0 ? `${of} offset` : `${of} negative offset`]
  return [...offset, ...durationParts(offsetExpr), ...(at === undefined ? [] : [`${of} @ ${typeof at === 'number' ? 'time' : at}`])]
}

function matchingParts({ op, matching }: BinaryExpr): readonly string[] {
  if (matching === undefined) return []
  const { card, on, labels, fillLhs, fillRhs } = matching
  const kind = (arithmeticOps as readonly string[]).includes(op) ? 'arithmetic' : (comparisonOps as readonly string[]).includes(op) ? 'comparison' : op
  const fill = fillLhs === undefined ? (fillRhs === undefined ? [] : ['fill_right']) : fillRhs === undefined ? ['fill_left'] : ['fill']
  return [
    ...(on ? ['on'] : labels.length > 0 ? ['ignoring'] : []),
    ...(card === 'many-to-one' ? ['group_left'] : card === 'one-to-many' ? ['group_right'] : []),
    ...fill,
  ].map((way) => `${kind} ${way}`)
}

function durationParts(expr: DurationExpr | undefined): readonly string[] {
  if (expr === undefined) return []
  switch (expr.kind) {
    case 'durationLiteral':
      return []
    case 'durationUnary':
      return [`duration unary ${expr.op}`, ...durationParts(expr.expr)]
    case 'durationBinary':
      return [`duration ${expr.op}`, ...durationParts(expr.lhs), ...durationParts(expr.rhs)]
    case 'durationParen':
      return durationParts(expr.expr)
    case 'durationCall':
      return [`duration ${expr.name}()`, ...expr.args.flatMap(durationParts)]
    default:
      return unreachable(expr)
  }
}
