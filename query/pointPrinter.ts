// The points of a range query as JSON, printed by a kernel: the texts of the steps are made once per query.

import type { Pointer } from '../src/kernels/kernels.ts'
import type { ColumnSpace } from './columnSpace.ts'
import { formatTimestamp } from './jsonNumber.ts'

/** Room for a value and the characters around it, and for what the kernel writes past a text. */
const valueBytes = 40

export class PointPrinter {
  readonly #space: ColumnSpace
  readonly #count: number
  readonly #texts: Pointer
  readonly #ends: Pointer
  readonly #out: Pointer

  constructor(space: ColumnSpace, steps: { readonly startMs: number; readonly stepMs: number; readonly count: number }) {
    const { startMs, stepMs, count } = steps
    const ends = new Int32Array(count)
    let all = ''
    for (let i = 0; i < count; i++) {
      all += `[${formatTimestamp(startMs + i * stepMs)},"`
      ends[i] = all.length
    }
    this.#space = space
    this.#count = count
    this.#texts = space.slot('texts', all.length + 8)
    this.#ends = space.slot('textEnds', 4 * count)
    this.#out = space.slot('printed', all.length + valueBytes * count)
    space.bytes.write(all, this.#texts, 'latin1')
    space.bytes.set(new Uint8Array(ends.buffer), this.#ends)
  }

  /** The points that are present, separated by commas, without brackets around them. Good until the next call. */
  print(values: Float64Array, present: Uint8Array): Uint8Array {
    const space = this.#space
    const valuesAt = space.place('printedValues', values, this.#count)
    const presentAt = space.place('printedPresent', present, this.#count)
    const end = space.exports.printPoints(valuesAt, presentAt, this.#count, this.#texts, this.#ends, this.#out) >>> 0
    return space.bytes.subarray(this.#out, end)
  }
}
