// The part of a query that can be divided among workers: for many series, one after the other, read the samples, slide the
// windows over them, compute a column, and keep it or add it to the accumulator of its group. All that is needed for it is a
// message; refs, results and accumulators lie in the shared memory at the addresses it names, in memory of the worker whose
// query it is.

import type { Pointer } from '../../src/kernels/kernels.ts'
import type { TimeRange } from '../../storage/model/sample.ts'
import type { Querier, SeriesSelection } from '../../storage/querier/querier.ts'
import { Annotations } from '../annotations.ts'
import type { RangeKernel } from '../functions/range.ts'
import { functions } from '../functions/table.ts'
import type { CallExpr, PlainAggregateOp } from '../language/ast.ts'
import { Accumulation } from '../operators/aggregateColumns.ts'
import { windowsOfSamples } from '../selectors/startZeros.ts'
import { ColumnScratch, readSampled, takeNewest, windowEndsMs, windowsOver, type LookupTimes, type Windows } from '../selectors/window.ts'
import type { ColumnSpace, Columns } from '../values/columnSpace.ts'
import type { EvalContext, Steps } from '../values/value.ts'
import { PartKernel } from './partKernel.ts'
import { partFunctionOf } from './partTask.ts'

export type SeriesWork = {
  readonly kind: 'series'
  readonly steps: Steps
  readonly query: EvalContext['query']
  /** The samples to read, and the windows over them. */
  readonly range: TimeRange
  readonly times: LookupTimes
  readonly widthMs: number
  /** A range function with its scalar arguments, columns of doubles; without it the newest sample in each window counts. */
  readonly call: { readonly name: string; readonly rangeMs: number; readonly addsZeros: boolean; readonly scalars: readonly Pointer[] } | undefined
  /** A series with more samples is left undone. */
  readonly maxSamplesAtOnce: number
  readonly seriesCount: number
  /** u32 per series. */
  readonly refs: Pointer
  /** u32 per part: the index after its last series. */
  readonly partEnds: Pointer
  readonly partCount: number
  /** i32 per series: at how many steps it has a value; `undone` before. */
  readonly found: Pointer
  /** f64 per series: the samples that its steps have seen, and the samples that were in memory for it. */
  readonly seen: Pointer
  readonly held: Pointer
  readonly output: Output
}

type Output =
  /** Columns per series. */
  | { readonly kind: 'columns'; readonly values: Pointer; readonly present: Pointer }
  /** Accumulators per part, all of whose series are of one group. */
  | { readonly kind: 'accumulators'; readonly op: PlainAggregateOp; readonly at: Pointer }

/** In place of a count: not evaluated, or not possible here, as histograms are. */
export const undone = -1

export class SeriesWorker {
  readonly #work: SeriesWork
  readonly #space: ColumnSpace
  readonly #partEnds: Int32Array
  /** Where columns go that are only added up. */
  readonly #columns: Columns | undefined
  readonly #accumulation: Accumulation | undefined
  readonly #selection: SeriesSelection
  readonly #windows: Windows
  /** For the series of a part together, where that can be. */
  readonly #kernel: PartKernel | undefined
  /** Made when one is evaluated by itself. */
  #single: SingleSeries | undefined

  /** `space` is the worker's own; `selection` is of the refs of the work, by a querier of the worker's own. */
  constructor(work: SeriesWork, querier: Querier, space: ColumnSpace) {
    const { steps, times, call, output, seriesCount } = work
    this.#work = work
    this.#space = space
    this.#partEnds = space.integersAt(work.partEnds, work.partCount)
    this.#selection = querier.selectRefs(space.wordsAt(work.refs, seriesCount), work.range)
    const partFunction = partFunctionOf(call?.name)
    this.#windows = windowsOver(space, times, work.widthMs, partFunction?.kind === 'extrapolated')
    if (output.kind === 'accumulators') {
      this.#accumulation = new Accumulation(output.op, space, steps.count)
      this.#columns = space.columns(steps.count)
    }
    const reads = partFunction && this.#selection.kernelReads?.(work.refs)
    if (partFunction === undefined || reads === undefined || !space.isIn(reads.memory)) return
    const { values, present } = output.kind === 'columns' ? output : { values: this.#columns?.values.byteOffset ?? 0, present: this.#columns?.present.byteOffset ?? 0 }
    this.#kernel = new PartKernel({ ...work, space, reads, windows: this.#windows, partFunction, operation: this.#accumulation?.operation ?? 0, values, present })
  }

  /** Evaluates the series of a part. Leaves off where it cannot, or when `goesOn` says so. */
  run(part: number, goesOn: () => boolean): void {
    const { output } = this.#work
    const to = this.#partEnds[part] as number // part < partCount
    const from = part === 0 ? 0 : (this.#partEnds[part - 1] as number)
    const accumulator = output.kind === 'accumulators' && this.#accumulation ? output.at + part * this.#accumulation.bytes : 0
    if (accumulator !== 0) this.#accumulation?.begin(accumulator)
    if (this.#kernel !== undefined && !this.#hasZeros(from, to)) return this.#kernel.run(from, to, accumulator, goesOn)
    const single = (this.#single ??= new SingleSeries({ work: this.#work, selection: this.#selection, windows: this.#windows, space: this.#space }))
    for (let index = from; index < to && goesOn(); index++) {
      const columns = output.kind === 'columns' ? this.#columnsOf(output, index) : (this.#columns as Columns) // there for accumulators
      columns.present.fill(0)
      const found = single.evaluate(index, columns)
      if (found > 0 && accumulator !== 0) this.#accumulation?.add(accumulator, columns.values.byteOffset, columns.present.byteOffset)
      if (found === undone) return
    }
  }

  /** Whether zeros are to be added to a series of a part where its counter began, of which the kernel knows nothing. */
  #hasZeros(from: number, to: number): boolean {
    const { call, range } = this.#work
    if (call?.addsZeros !== true) return false
    for (let index = from; index < to; index++) if (this.#selection.beganSince?.(index, range.minTimeMs) !== false) return true
    return false
  }

  #columnsOf({ values, present }: Output & { kind: 'columns' }, index: number): Columns {
    const { count } = this.#work.steps
    return { values: this.#space.doublesAt(values + 8 * count * index, count), present: this.#space.flagsAt(present + count * index, count) }
  }
}

type SingleSeriesOptions = { readonly work: SeriesWork; readonly selection: SeriesSelection; readonly windows: Windows; readonly space: ColumnSpace }

/** Evaluates one series at a time. */
class SingleSeries {
  readonly #work: SeriesWork
  readonly #space: ColumnSpace
  readonly #selection: SeriesSelection
  readonly #windows: Windows
  readonly #readOptions: { readonly scratch: ColumnScratch; readonly zerosFromMs: number | undefined }
  readonly #found: Int32Array
  readonly #seen: Float64Array
  readonly #held: Float64Array
  readonly #function: RangeKernel | undefined
  readonly #scalars: readonly Float64Array[]
  readonly #windowEndMs: Float64Array
  readonly #context: EvalContext
  readonly #expr: CallExpr

  constructor({ work, selection, windows, space }: SingleSeriesOptions) {
    const { steps, times, call, seriesCount } = work
    this.#work = work
    this.#space = space
    this.#selection = selection
    this.#windows = windows
    this.#readOptions = { scratch: new ColumnScratch(space), zerosFromMs: call?.addsZeros === true ? work.range.minTimeMs : undefined }
    this.#found = space.integersAt(work.found, seriesCount)
    this.#seen = space.doublesAt(work.seen, seriesCount)
    this.#held = space.doublesAt(work.held, seriesCount)
    const entry = call && functions.get(call.name)
    this.#function = entry?.kind === 'range' ? entry.kernel : undefined
    this.#scalars = call?.scalars.map((at) => space.doublesAt(at, steps.count)) ?? []
    this.#windowEndMs = call === undefined ? new Float64Array() : windowEndsMs(times)
    // Functions that annotate, for which these would be needed, are not divided.
    this.#expr = { kind: 'call', name: call?.name ?? '', args: [], position: { start: 0, end: 0 } }
    this.#context = { space, steps, query: work.query, annotations: new Annotations(), instant: false, check() {}, allow() {} }
  }

  /** Returns, and notes, at how many steps the series has a value, or that it is `undone`. */
  evaluate(index: number, columns: Columns): number {
    return (this.#found[index] = this.#evaluate(index, columns))
  }

  #evaluate(index: number, columns: Columns): number {
    const { call, maxSamplesAtOnce } = this.#work
    const windows = this.#windows
    if (this.#function === undefined || call === undefined) {
      const read = this.#selection.read(index)
      if (read.histograms !== undefined) return undone
      windows.slideOver(read)
      const found = takeNewest(read, windows, columns)
      this.#seen[index] = found
      this.#held[index] = 0
      return found
    }
    const { length, timestampsMs, values, histograms, isStart } = readSampled(this.#selection, index, this.#readOptions)
    if (histograms !== undefined) return undone
    this.#seen[index] = 0
    this.#held[index] = length
    if (length === 0) return 0
    if (length > maxSamplesAtOnce) return undone
    windows.slideOver({ length, timestampsMs })
    this.#seen[index] = windows.total
    const { from, to } = isStart === undefined ? windows : windowsOfSamples(windows, isStart)
    this.#function({ length, timestampsMs, values, from, to, windowEndMs: this.#windowEndMs, rangeMs: call.rangeMs }, this.#scalars, columns, this.#context, this.#expr)
    return this.#space.exports.countFlags(columns.present.byteOffset, columns.present.length)
  }
}
