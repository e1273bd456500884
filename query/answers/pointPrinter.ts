// The points of a range query as JSON, printed by kernels: the texts of the steps once per query, then the values. Many series
// are printed by several workers, a round of them at a time, in memory for as many.

import type { Pointer } from '../../src/kernels/kernels.ts'
import type { Share } from '../parallel/crew.ts'
import { entryWords, PrintWorker, type PrintWork } from '../parallel/printWork.ts'
import type { ColumnSpace, Columns } from '../values/columnSpace.ts'

/** Room for the text before a value. */
const stepTextBytes = 32
/** Room for a value and the characters around it, and for what the kernel writes past a text. */
const valueBytes = 40
/** Printing four series of a day's panel takes some tenths of a millisecond. */
const seriesPerPart = 4
/** Text of one round. */
const roundBytes = 16 * 1024 * 1024

export type PointPrinterDeps = { readonly space: ColumnSpace; readonly share: Share<PrintWork>; readonly check: () => void }

export class PointPrinter {
  readonly #deps: PointPrinterDeps
  readonly #count: number
  readonly #texts: Pointer
  readonly #ends: Pointer
  /** Of one series, at most. */
  readonly #seriesBytes: number

  constructor(deps: PointPrinterDeps, steps: { readonly startMs: number; readonly stepMs: number; readonly count: number }) {
    const { space } = deps
    const { startMs, stepMs, count } = steps
    this.#deps = deps
    this.#count = count
    this.#texts = space.slot('texts', stepTextBytes * count)
    this.#ends = space.slot('textEnds', 4 * count)
    const end = space.exports.printStepTexts(startMs, stepMs, count, this.#texts, this.#ends) >>> 0
    this.#seriesBytes = end - this.#texts + valueBytes * count
  }

  /**
   * Prints the points that are present of each series, separated by commas, without brackets around them, and hands them to
   * `take` in the order of the series; good until `take` returns. `check` throws when nobody waits for the rest.
   */
  print(series: readonly Columns[], take: (index: number, points: Buffer) => void): void {
    const seriesPerRound = seriesPerPart * Math.max(1, Math.floor(roundBytes / (seriesPerPart * this.#seriesBytes)))
    for (let from = 0; from < series.length; from += seriesPerRound) this.#printRound(series.slice(from, from + seriesPerRound), (index, points) => take(from + index, points))
  }

  #printRound(series: readonly Columns[], take: (index: number, points: Buffer) => void): void {
    const { space, share, check } = this.#deps
    const partCount = Math.ceil(series.length / seriesPerPart)
    const partBytes = Math.min(seriesPerPart, series.length) * this.#seriesBytes
    const out = space.slot('printed', partCount * partBytes)
    const tableAt = space.slot('printTable', 4 * entryWords * series.length)
    const table = space.wordsAt(tableAt, entryWords * series.length)
    series.forEach(({ values, present }, i) => {
      table[entryWords * i] = space.place(`printed values ${i}`, values, this.#count)
      table[entryWords * i + 1] = space.place(`printed present ${i}`, present, this.#count)
      table[entryWords * i + 3] = 0 // no text ends there
    })
    const work: PrintWork = {
      kind: 'print',
      stepCount: this.#count,
      texts: this.#texts,
      textEnds: this.#ends,
      seriesCount: series.length,
      seriesPerPart,
      table: tableAt,
      out,
      partBytes,
    }
    const worker = new PrintWorker(work, space)
    const goesOn = () => {
      check()
      return true
    }
    share({ count: partCount, work: () => work, run: (part) => worker.run(part, goesOn), check })
    // What a helper has left undone.
    for (let i = 0; i < series.length; i++) if (table[entryWords * i + 3] === 0) worker.run(Math.floor(i / seriesPerPart), goesOn)
    for (let i = 0; i < series.length; i++) take(i, space.bytes.subarray(table[entryWords * i + 2], table[entryWords * i + 3]))
  }
}
