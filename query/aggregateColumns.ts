// One accumulator per group and operator: it takes the columns of one series after the other and gives the column of the
// group. The loops are per operator so that each stays a handful of typed-array operations.

import type { AggregateOp } from './ast.ts'
import { nextCompensation } from './kahan.ts'

export type Accumulator = {
  add(values: Float64Array, present: Uint8Array): void
  finish(): { readonly values: Float64Array; readonly present: Uint8Array }
}

/** Operators whose groups can be fed series by series without keeping them. */
export type StreamedOp = Exclude<AggregateOp, 'topk' | 'bottomk' | 'quantile' | 'count_values' | 'limitk' | 'limit_ratio'>

export function createAccumulator(op: StreamedOp, count: number): Accumulator {
  switch (op) {
    case 'sum':
      return sum(count)
    case 'avg':
      return average(count)
    case 'min':
      return extreme(count, (candidate, best) => candidate < best)
    case 'max':
      return extreme(count, (candidate, best) => candidate > best)
    case 'count':
      return counter(count, 1)
    case 'group':
      return counter(count, 0)
    case 'stdvar':
      return variance(count, (value) => value)
    case 'stddev':
      return variance(count, Math.sqrt)
  }
}

function sum(count: number): Accumulator {
  const sums = new Float64Array(count)
  const compensations = new Float64Array(count)
  const seen = new Uint8Array(count)
  return {
    add(values, present) {
      for (let i = 0; i < count; i++) {
        if (present[i] === 0) continue
        const value = values[i] as number // all columns have `count` entries
        const before = sums[i] as number
        if (seen[i] === 0) {
          seen[i] = 1
          sums[i] = value
        } else {
          compensations[i] = nextCompensation(value, before, compensations[i] as number)
          sums[i] = before + value
        }
      }
    },
    finish() {
      for (let i = 0; i < count; i++) sums[i] = (sums[i] as number) + (compensations[i] as number)
      return { values: sums, present: seen }
    },
  }
}

/** The sum divided by the count, until the sum would overflow; from there on a running mean. */
function average(count: number): Accumulator {
  const sums = new Float64Array(count) // the mean where `running`
  const compensations = new Float64Array(count)
  const counts = new Float64Array(count)
  const running = new Uint8Array(count)
  return {
    add(values, present) {
      for (let i = 0; i < count; i++) {
        if (present[i] === 0) continue
        const value = values[i] as number // all columns have `count` entries
        const number = (counts[i] as number) + 1
        counts[i] = number
        if (number === 1) {
          sums[i] = value
          continue
        }
        let before = sums[i] as number
        let compensation = compensations[i] as number
        if (running[i] === 0) {
          const total = before + value
          if (total !== Infinity && total !== -Infinity) {
            compensations[i] = nextCompensation(value, before, compensation)
            sums[i] = total
            continue
          }
          running[i] = 1
          before /= number - 1
          compensation /= number - 1
        }
        const share = (number - 1) / number
        compensations[i] = nextCompensation(value / number, share * before, share * compensation)
        sums[i] = share * before + value / number
      }
    },
    finish() {
      const present = new Uint8Array(count)
      for (let i = 0; i < count; i++) {
        const number = counts[i] as number
        if (number === 0) continue
        present[i] = 1
        const divisor = running[i] === 1 ? 1 : number
        sums[i] = (sums[i] as number) / divisor + (compensations[i] as number) / divisor
      }
      return { values: sums, present }
    },
  }
}

/** NaN only where there is nothing else. */
function extreme(count: number, isBetter: (candidate: number, best: number) => boolean): Accumulator {
  const best = new Float64Array(count)
  const seen = new Uint8Array(count)
  return {
    add(values, present) {
      for (let i = 0; i < count; i++) {
        if (present[i] === 0) continue
        const value = values[i] as number // all columns have `count` entries
        const before = best[i] as number
        if (seen[i] === 0 || isBetter(value, before) || before !== before) best[i] = value
        seen[i] = 1
      }
    },
    finish: () => ({ values: best, present: seen }),
  }
}

/** Counts by `increment`; with 0 the value is 1 wherever anything is present. */
function counter(count: number, increment: 0 | 1): Accumulator {
  const counts = new Float64Array(count)
  const seen = new Uint8Array(count)
  return {
    add(_values, present) {
      for (let i = 0; i < count; i++) {
        if (present[i] === 0) continue
        counts[i] = (counts[i] as number) + increment
        seen[i] = 1
      }
    },
    finish() {
      if (increment === 0) counts.fill(1)
      return { values: counts, present: seen }
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
