// One accumulator per group and operator: it takes the columns of one series after the other and gives the column of the
// group. The usual ones are kernels. Results lie in the query's space.

import type { AggregateOp } from './ast.ts'
import type { ColumnSpace } from './columnSpace.ts'

export type Accumulator = {
  add(values: Float64Array, present: Uint8Array): void
  finish(): { readonly values: Float64Array; readonly present: Uint8Array }
}

/** Operators whose groups can be fed series by series without keeping them. */
export type StreamedOp = Exclude<AggregateOp, 'topk' | 'bottomk' | 'quantile' | 'count_values' | 'limitk' | 'limit_ratio'>

export function createAccumulator(op: StreamedOp, space: ColumnSpace, count: number): Accumulator {
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
      return variance(count, (value) => value)
    case 'stddev':
      return variance(count, Math.sqrt)
  }
}

function sum(space: ColumnSpace, count: number): Accumulator {
  const { exports } = space
  const sums = space.doubles(count).fill(-0)
  const compensations = space.doubles(count)
  const seen = space.flags(count)
  return {
    add(values, present) {
      const valuesAt = space.place('values', values, count)
      const presentAt = space.place('present', present, count)
      exports.addToSums(valuesAt, presentAt, count, sums.byteOffset, compensations.byteOffset, seen.byteOffset)
    },
    finish() {
      exports.finishSums(count, sums.byteOffset, compensations.byteOffset)
      return { values: sums, present: seen }
    },
  }
}

/** The sum divided by the count, until the sum would overflow; from there on a running mean. */
function average(space: ColumnSpace, count: number): Accumulator {
  const { exports } = space
  const sums = space.doubles(count)
  const compensations = space.doubles(count)
  const counts = space.doubles(count)
  const running = space.flags(count)
  const seen = space.flags(count)
  return {
    add(values, present) {
      const valuesAt = space.place('values', values, count)
      const presentAt = space.place('present', present, count)
      exports.addToMeans(valuesAt, presentAt, count, sums.byteOffset, compensations.byteOffset, counts.byteOffset, running.byteOffset)
    },
    finish() {
      exports.finishMeans(count, sums.byteOffset, compensations.byteOffset, counts.byteOffset, running.byteOffset, seen.byteOffset)
      return { values: sums, present: seen }
    },
  }
}

/** NaN only where there is nothing else. */
function extreme(space: ColumnSpace, count: number, sign: 1 | -1): Accumulator {
  const best = space.doubles(count).fill(NaN)
  const seen = space.flags(count)
  return {
    add(values, present) {
      const valuesAt = space.place('values', values, count)
      space.exports.addToExtremes(valuesAt, space.place('present', present, count), count, sign, best.byteOffset, seen.byteOffset)
    },
    finish: () => ({ values: best, present: seen }),
  }
}

/** Without counting the value is 1 wherever anything is present. */
function counter(space: ColumnSpace, count: number, counts: 'counted' | 'present'): Accumulator {
  const sums = space.doubles(count)
  const seen = space.flags(count)
  return {
    add(_values, present) {
      space.exports.addToCounts(space.place('present', present, count), count, sums.byteOffset, seen.byteOffset)
    },
    finish() {
      if (counts === 'present') sums.fill(1)
      return { values: sums, present: seen }
    },
  }
}

/** Welford's running variance; an infinite or missing value makes it NaN. */
function variance(count: number, finishValue: (variance: number) => number): Accumulator {
  const means = new Float64Array(count)
  const squares = new Float64Array(count)
  const counts = new Float64Array(count)
  return {
    add(values, present) {
      for (let i = 0; i < count; i++) {
        if (present[i] === 0) continue
        const value = values[i] as number // all columns have `count` entries
        const number = (counts[i] as number) + 1
        counts[i] = number
        if (number === 1) {
          means[i] = value
          squares[i] = Number.isFinite(value) ? 0 : NaN
          continue
        }
        const delta = value - (means[i] as number)
        means[i] = (means[i] as number) + delta / number
        squares[i] = (squares[i] as number) + delta * (value - (means[i] as number))
      }
    },
    finish() {
      const present = new Uint8Array(count)
      for (let i = 0; i < count; i++) {
        const number = counts[i] as number
        if (number === 0) continue
        present[i] = 1
        squares[i] = finishValue((squares[i] as number) / number)
      }
      return { values: squares, present }
    },
  }
}
