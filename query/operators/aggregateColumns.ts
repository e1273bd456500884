// Aggregations column by column: an accumulator takes the columns of one series after the other and gives the column of
// their group. All of it lies in one piece of the kernels' memory, so that any thread can fill one, and what several have
// gathered of the same group can be merged.

import type { Pointer } from '../../src/kernels/kernels.ts'
import type { PlainAggregateOp } from '../language/ast.ts'
import type { Columns, ColumnSpace } from '../values/columnSpace.ts'

/** What an operator does with accumulators of `count` steps, each at an address that is a multiple of 8. */
export type Accumulation = {
  /** As in src/kernels/assembly/query/accumulate.ts, which has the layouts too. */
  readonly operation: number
  readonly bytes: number
  /** Makes the accumulator empty. */
  begin(at: Pointer): void
  add(at: Pointer, values: Pointer, present: Pointer): void
  /** Takes in what `other` has gathered, of series that come after. */
  merge(at: Pointer, other: Pointer): void
  /** Once, at the end: the column of the group, in place. */
  finish(at: Pointer): Columns
}

export function createAccumulation(op: PlainAggregateOp, space: ColumnSpace, count: number): Accumulation {
  switch (op) {
    case 'sum':
      return sum(space, count)
    case 'avg':
      return average(space, count)
    case 'min':
      return extreme(space, count, -1)
    case 'max':
      return extreme(space, count, 1)
    case 'count':
      return counter(space, count, 'counted')
    case 'group':
      return counter(space, count, 'present')
    case 'stdvar':
      return variance(space, count, 'square')
    case 'stddev':
      return variance(space, count, 'root')
  }
}

const operations = { sum: 1, mean: 2, least: 3, greatest: 4, count: 5, variance: 6 } as const

/** Memory layout: columns of doubles, `stride` apart, then bytes per step. */
function layout(count: number, doubles: number, flags: number): { readonly stride: number; readonly flagsAt: number; readonly bytes: number } {
  const stride = 8 * count
  const flagsAt = doubles * stride
  return { stride, flagsAt, bytes: Math.ceil((flagsAt + flags * count) / 8) * 8 }
}

/** { sums, compensations; seen } */
function sum(space: ColumnSpace, count: number): Accumulation {
  const { exports } = space
  const { stride, flagsAt, bytes } = layout(count, 2, 1)
  return {
    operation: operations.sum,
    bytes,
    begin(at) {
      space.doublesAt(at, count).fill(-0)
      space.bytes.fill(0, at + stride, at + bytes)
    },
    add: (at, values, present) => exports.addColumn(operations.sum, values, present, count, at),
    merge: (at, other) => exports.mergeSums(other, other + stride, other + flagsAt, count, at, at + stride, at + flagsAt),
    finish(at) {
      exports.finishSums(count, at, at + stride)
      return { values: space.doublesAt(at, count), present: space.flagsAt(at + flagsAt, count) }
    },
  }
}

/** The sum divided by the count, until the sum would overflow; from there on a running mean. { sums, compensations, counts; running, seen } */
function average(space: ColumnSpace, count: number): Accumulation {
  const { exports } = space
  const { stride, flagsAt, bytes } = layout(count, 3, 2)
  return {
    operation: operations.mean,
    bytes,
    begin(at) {
      space.doublesAt(at, count).fill(-0)
      space.bytes.fill(0, at + stride, at + bytes)
    },
    add: (at, values, present) => exports.addColumn(operations.mean, values, present, count, at),
    merge: (at, other) =>
      exports.mergeMeans(other, other + stride, other + 2 * stride, other + flagsAt, count, at, at + stride, at + 2 * stride, at + flagsAt),
    finish(at) {
      exports.finishMeans(count, at, at + stride, at + 2 * stride, at + flagsAt, at + flagsAt + count)
      return { values: space.doublesAt(at, count), present: space.flagsAt(at + flagsAt + count, count) }
    },
  }
}

/** NaN only where there is nothing else. { best; seen } */
function extreme(space: ColumnSpace, count: number, sign: 1 | -1): Accumulation {
  const { exports } = space
  const { flagsAt, bytes } = layout(count, 1, 1)
  const operation = sign < 0 ? operations.least : operations.greatest
  return {
    operation,
    bytes,
    begin(at) {
      space.doublesAt(at, count).fill(NaN)
      space.bytes.fill(0, at + flagsAt, at + bytes)
    },
    add: (at, values, present) => exports.addColumn(operation, values, present, count, at),
    merge: (at, other) => exports.addColumn(operation, other, other + flagsAt, count, at),
    finish: (at) => ({ values: space.doublesAt(at, count), present: space.flagsAt(at + flagsAt, count) }),
  }
}

/** Without counting the value is 1 wherever anything is present. { counts; seen } */
function counter(space: ColumnSpace, count: number, counts: 'counted' | 'present'): Accumulation {
  const { exports } = space
  const { flagsAt, bytes } = layout(count, 1, 1)
  return {
    operation: operations.count,
    bytes,
    begin: (at) => void space.bytes.fill(0, at, at + bytes),
    add: (at, values, present) => exports.addColumn(operations.count, values, present, count, at),
    merge: (at, other) => exports.mergeCounts(other, other + flagsAt, count, at, at + flagsAt),
    finish(at) {
      const values = space.doublesAt(at, count)
      if (counts === 'present') values.fill(1)
      return { values, present: space.flagsAt(at + flagsAt, count) }
    },
  }
}

/** { means, squares, counts; seen } */
function variance(space: ColumnSpace, count: number, result: 'square' | 'root'): Accumulation {
  const { exports } = space
  const { stride, flagsAt, bytes } = layout(count, 3, 1)
  return {
    operation: operations.variance,
    bytes,
    begin: (at) => void space.bytes.fill(0, at, at + bytes),
    add: (at, values, present) => exports.addColumn(operations.variance, values, present, count, at),
    merge: (at, other) => exports.mergeVariances(other, other + stride, other + 2 * stride, count, at, at + stride, at + 2 * stride),
    finish(at) {
      exports.finishVariances(count, at + stride, at + 2 * stride, result === 'root' ? 1 : 0, at + flagsAt)
      return { values: space.doublesAt(at + stride, count), present: space.flagsAt(at + flagsAt, count) }
    },
  }
}
