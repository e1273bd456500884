// What binary operators do with two numbers. IEEE 754 throughout; where JavaScript and C differ, C's way, which is Go's.

import { isComparison, type ArithmeticOp, type BinaryExpr, type BinaryOp, type ComparisonOp } from '../language/ast.ts'
import { goQuote } from '../language/stringLiteral.ts'
import type { EvalContext, ScalarValue } from '../values/value.ts'

/** The operand of a binary operator that is a scalar, beside a vector. */
export type ScalarSide = { readonly scalar: ScalarValue; readonly isLeft: boolean }

export const arithmetic: Readonly<Record<ArithmeticOp, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  '^': power,
  atan2: Math.atan2,
}

export const comparison: Readonly<Record<ComparisonOp, (a: number, b: number) => boolean>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
}

/** The same comparison with its sides changed. */
export const mirroredComparison: Readonly<Record<ComparisonOp, ComparisonOp>> = { '==': '==', '!=': '!=', '<': '>', '<=': '>=', '>': '<', '>=': '<=' }

export function isArithmetic(op: BinaryOp): op is ArithmeticOp {
  return op in arithmetic
}

/** 1 to any power is 1, NaN included, and so is -1 to an infinite one; JavaScript says NaN. */
function power(base: number, exponent: number): number {
  if (base === 1 || (base === -1 && (exponent === Infinity || exponent === -Infinity))) return 1
  return base ** exponent
}

/** Histograms can be trimmed, floats cannot: Prometheus drops them with a note. */
export function noteIncompatible(node: BinaryExpr, { annotations }: EvalContext): void {
  annotations.info(`incompatible sample types encountered for binary operator ${goQuote(node.op)}: float ${node.op} float`, node.position.start)
}

/** What becomes of two numbers; there is no result where `keeps` says no. */
export type Combine = { readonly value: (a: number, b: number) => number; readonly keeps: ((a: number, b: number) => boolean) | undefined }

/** For all operators but `and`, `or` and `unless`. */
export function combineOf(node: BinaryExpr, context: EvalContext): Combine {
  const { op, bool } = node
  if (op === '</' || op === '>/') return { value: (a) => a, keeps: () => (noteIncompatible(node, context), false) }
  if (isArithmetic(op)) return { value: arithmetic[op], keeps: undefined }
  if (!isComparison(op)) throw new Error(`bug: ${op} matches no values`)
  const compare = comparison[op]
  return bool ? { value: (a, b) => (compare(a, b) ? 1 : 0), keeps: undefined } : { value: (a) => a, keeps: compare }
}
