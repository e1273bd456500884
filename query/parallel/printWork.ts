// Printing of points as work that can be divided among workers: columns in, text out, all in the shared memory at the
// addresses that the message names. The texts of the steps, which all series share, are made once by the owner.

import type { Pointer } from '../../src/kernels/kernels.ts'
import type { ColumnSpace } from '../values/columnSpace.ts'

export type PrintWork = {
  readonly kind: 'print'
  readonly stepCount: number
  /** The text before each step's value, one after the other, and where each ends (u32). */
  readonly texts: Pointer
  readonly textEnds: Pointer
  readonly seriesCount: number
  readonly seriesPerPart: number
  /** Per series { values u32, present u32, printed u32, end u32 }, the last two to be filled in. */
  readonly table: Pointer
  /** Where the text of each part goes, `partBytes` apart. */
  readonly out: Pointer
  readonly partBytes: number
}

export const entryWords = 4

export class PrintWorker {
  readonly #work: PrintWork
  readonly #space: ColumnSpace
  readonly #table: Uint32Array

  constructor(work: PrintWork, space: ColumnSpace) {
    this.#work = work
    this.#space = space
    this.#table = space.wordsAt(work.table, entryWords * work.seriesCount)
  }

  /** Prints the series of a part, unless `goesOn` says otherwise. */
  run(part: number, goesOn: () => boolean): void {
    const { stepCount, texts, textEnds, seriesCount, seriesPerPart, out, partBytes } = this.#work
    const table = this.#table
    let at = out + part * partBytes
    for (let i = part * seriesPerPart; i < Math.min(seriesCount, (part + 1) * seriesPerPart) && goesOn(); i++) {
      const entry = entryWords * i
      const values = table[entry] as number // i < seriesCount
      const present = table[entry + 1] as number
      table[entry + 2] = at
      at = this.#space.exports.printPoints(values, present, stepCount, texts, textEnds, at) >>> 0
      table[entry + 3] = at
    }
  }
}
