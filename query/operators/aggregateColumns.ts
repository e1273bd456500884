// Aggregations column by column: an accumulator takes the columns of one series after the other and gives the column of
// their group. All of it lies in one piece of the kernels' memory, so that any thread can fill one, and what several have
// gathered of the same group can be merged.

import type { Pointer } from '../../src/kernels/kernels.ts'
import type { AggregateOp } from '../language/ast.ts'
import type { Columns, ColumnSpace } from '../values/columnSpace.ts'

/** Operators whose groups can be fed series by series without keeping them. */
export type StreamedOp = Exclude<AggregateOp, 'topk' | 'bottomk' | 'quantile' | 'count_values' | 'limitk' | 'limit_ratio'>

/** As in src/kernels/assembly/query/accumulate.ts, which has the layouts too. */
export const accumulations: Readonly<Record<StreamedOp, number>> = { sum: 1, avg: 2, min: 3, max: 4, count: 5, stdvar: 6, group: 7, stddev: 8 }

export function isStreamedOp(op: AggregateOp): op is StreamedOp {
  return op in accumulations
}

/** What an operator does with accumulators of `count` steps, each at an address that is a multiple of 8. */
export class Accumulation {
  /** See `accumulations`. */
  readonly operation: number
  readonly bytes: number
  readonly #space: ColumnSpace
  readonly #count: number

  constructor(op: StreamedOp, space: ColumnSpace, count: number) {
    this.operation = accumulations[op]
    this.bytes = space.exports.accumulatorBytes(this.operation, count)
    this.#space = space
    this.#count = count
  }

  /** Makes the accumulator empty. */
  begin(at: Pointer): void {
    this.#space.exports.beginAccumulator(this.operation, this.#count, at)
  }

  add(at: Pointer, values: Pointer, present: Pointer): void {
    this.#space.exports.addColumn(this.operation, values, present, this.#count, at)
  }

  /** Takes in what `other` has gathered, of series that come after. */
  merge(at: Pointer, other: Pointer): void {
    this.#space.exports.mergeAccumulators(this.operation, other, this.#count, at)
  }

  /** Once, at the end: the column of the group, in place. */
  finish(at: Pointer): Columns {
    const { exports } = this.#space
    const values = exports.finishAccumulator(this.operation, this.#count, at)
    return { values: this.#space.doublesAt(values, this.#count), present: this.#space.flagsAt(exports.accumulatedFlags(this.operation, this.#count, at), this.#count) }
  }
}
