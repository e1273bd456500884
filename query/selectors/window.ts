// From the samples of one series to what a query sees of them at its steps: the newest sample within the lookback, or the
// window of a range selector. Times and samples both ascend, so each is one pass with two pointers.

import type { Pointer } from '../../src/kernels/kernels.ts'
import type { NativeHistogram } from '../../storage/model/histogram.ts'
import { isStaleMarker, type SampleColumns } from '../../storage/model/sample.ts'
import type { StartTimes } from '../../storage/model/startTimes.ts'
import type { SeriesSelection } from '../../storage/querier/querier.ts'
import type { ColumnSpace, Columns } from '../values/columnSpace.ts'
import { withStartZeros, type SampledColumns } from './startZeros.ts'

/** The times at which a selector looks, already shifted by `offset` and `@`. */
export type LookupTimes = { readonly startMs: number; readonly stepMs: number; readonly count: number }

/** The end of each window. */
export function windowEndsMs({ startMs, stepMs, count }: LookupTimes): Float64Array {
  const endsMs = new Float64Array(count)
  for (let step = 0; step < count; step++) endsMs[step] = startMs + step * stepMs
  return endsMs
}

export type Timestamps = { readonly length: number; readonly timestampsMs: Float64Array }

/** Columns of timestamps whose windows are kept: of as many targets as are scraped by a small company, in memory that a processor caches. */
const maxKeptWindows = 64
const maxKeptBytes = 4 * 1024 * 1024
/** What windows take per step, with what functions prepare for each of them. */
const bytesPerStep = 40

/** Layout of kept windows, as in src/kernels/assembly/query/windows.ts. */
const headerBytes = 56
const slotBytes = 48
/** Slots at first: most queries are of a few targets. */
const firstSlots = 4

type Slid = { readonly slide: number; readonly from: Int32Array; readonly to: Int32Array; readonly total: number }

/**
 * For each time the window (time - width, time] as sample indexes [from, to), for one series after the other. Series of one
 * target are scraped together and have the same timestamps, so that windows are kept for those to come: `from` and `to` are
 * the same objects exactly when the timestamps are, and as long as those objects are given out nothing else is at their place.
 */
export class Windows {
  readonly space: ColumnSpace
  /** For kernels. */
  readonly at: Pointer
  readonly #count: number
  readonly #extrapolates: boolean
  readonly #maxKept: number
  #room = 0
  #slotCount = 0
  /** By slot. */
  readonly #slid = new Map<Pointer, Slid>()
  #current: Slid

  /** `extrapolates`: kernels prepare extrapolations of the windows. */
  constructor(space: ColumnSpace, times: LookupTimes, widthMs: number, extrapolates = false) {
    const { startMs, stepMs, count } = times
    this.space = space
    this.#count = count
    this.#extrapolates = extrapolates
    this.#maxKept = Math.max(1, Math.min(maxKeptWindows, Math.floor(maxKeptBytes / (bytesPerStep * count))))
    this.at = space.allocate(headerBytes + this.#maxKept * slotBytes)
    space.doublesAt(this.at, 3).set([startMs, stepMs, widthMs])
    space.wordsAt(this.at + 24, 8).set([count, 0, 0, 0, 0, 0, 0, this.#maxKept])
    this.#current = { slide: 0, from: space.integers(count), to: space.integers(count), total: 0 }
  }

  get from(): Int32Array {
    return this.#current.from
  }

  get to(): Int32Array {
    return this.#current.to
  }

  /** The number of samples over all windows, each sample counted once per window. */
  get total(): number {
    return this.#current.total
  }

  slideOver({ length, timestampsMs }: Timestamps): void {
    const timesAt = this.space.place('times', timestampsMs, length)
    let slot = this.space.exports.windowsOver(this.at, timesAt, length)
    for (; slot === 0; slot = this.space.exports.windowsOver(this.at, timesAt, length)) this.grow(length)
    const [from = 0, to = 0, , , slide = 0] = this.space.wordsAt(slot + 28, 5)
    const known = this.#slid.get(slot)
    if (known?.slide === slide) {
      this.#current = known
      return
    }
    const total = this.space.doublesAt(slot + 8, 1)[0] ?? 0
    this.#current = { slide, from: this.space.integersAt(from, this.#count), to: this.space.integersAt(to, this.#count), total }
    this.#slid.set(slot, this.#current)
  }

  /** Makes slots for kernels that ask for one with room for `length` samples. */
  grow(length: number): void {
    const { space } = this
    const isLonger = length > this.#room
    if (isLonger) this.#room = length + (length >> 2)
    const first = isLonger ? 0 : this.#slotCount
    this.#slotCount = Math.min(this.#maxKept, isLonger ? Math.max(firstSlots, this.#slotCount) : Math.max(firstSlots, 2 * this.#slotCount))
    for (let i = first; i < this.#slotCount; i++) {
      const slot = this.at + headerBytes + i * slotBytes
      const extrapolation = this.#extrapolates ? space.allocate(space.exports.extrapolationBytes(this.#count)) : 0
      space.wordsAt(slot + 24, 6).set([space.allocate(8 * this.#room), space.allocate(4 * this.#count), space.allocate(4 * this.#count), extrapolation, 0, 0])
    }
    const header = space.wordsAt(this.at + 24, 6)
    header[1] = this.#room
    header[2] = this.#slotCount
    // Slots with more room begin with nothing in them.
    if (isLonger) header.fill(0, 3)
  }
}

type SharedWindows = { readonly round: number; readonly windows: Map<string, Windows> }

const sharedWindows = new WeakMap<ColumnSpace, SharedWindows>()

/** The same windows for all parts of a query that look at the same times. */
export function windowsOver(space: ColumnSpace, times: LookupTimes, widthMs: number, extrapolates: boolean): Windows {
  let shared = sharedWindows.get(space)
  if (shared?.round !== space.round) sharedWindows.set(space, (shared = { round: space.round, windows: new Map() }))
  const key = [times.startMs, times.stepMs, times.count, widthMs, extrapolates].join()
  let windows = shared.windows.get(key)
  if (windows === undefined) shared.windows.set(key, (windows = new Windows(space, times, widthMs, extrapolates)))
  return windows
}

/**
 * The newest sample in each window, unless that is a staleness marker. Sets `present[i]`, and `values[i]` where present.
 * Returns how many are present. The columns come from the windows' space.
 */
export function takeNewest({ length, values }: Pick<SampleColumns, 'length' | 'values'>, windows: Windows, out: Columns): number {
  const { space, from, to } = windows
  const valuesAt = space.place('values', values, length)
  return space.exports.takeNewest(valuesAt, from.byteOffset, to.byteOffset, from.length, space.addressOf(out.values), space.addressOf(out.present))
}

/** The own times in seconds of the samples that `takeNewest` has found. */
export function newestTimes({ timestampsMs }: Timestamps, { to }: Windows, { values, present }: Columns): void {
  for (let step = 0; step < values.length; step++) {
    if (present[step] === 1) values[step] = (timestampsMs[(to[step] as number) - 1] as number) / 1000 // one entry per step
  }
}

/** When, in seconds, the counters of the samples that `takeNewest` has found began. Returns how many of them say so; the others are not present any more. */
export function newestStarts({ timestampsMs }: Timestamps, { to }: Windows, { values, present }: Columns, starts: StartTimes): number {
  let found = 0
  let at = 0
  for (let step = 0; step < values.length; step++) {
    if (present[step] === 0) continue
    const timeMs = timestampsMs[(to[step] as number) - 1] as number // one entry per step
    while (at < starts.timestampsMs.length && (starts.timestampsMs[at] as number) < timeMs) at++
    const isKnown = starts.timestampsMs[at] === timeMs
    if (isKnown) values[step] = (starts.startsMs[at] as number) / 1000
    present[step] = isKnown ? 1 : 0
    found += isKnown ? 1 : 0
  }
  return found
}

/**
 * At each of `times` the value on the line between the neighbours in the window, which reaches beyond the time; the one
 * before where there is none after. Returns how many are present.
 */
export function takeInterpolated(samples: Omit<SampleColumns, 'valueWords'>, windows: Windows, times: LookupTimes, out: { readonly values: Float64Array; readonly present: Uint8Array }): number {
  const { timestampsMs, values } = samples
  let found = 0
  for (let step = 0; step < out.values.length; step++) {
    const timeMs = times.startMs + step * times.stepMs
    const end = windows.to[step] as number // one entry per step
    const begin = windows.from[step] as number
    let next = begin
    while (next < end && (timestampsMs[next] as number) < timeMs) next++
    const nextMs = next < end ? (timestampsMs[next] as number) : Infinity
    if (nextMs > timeMs && next === begin) continue
    const after = values[next] as number
    const before = values[next - 1] as number
    const beforeMs = timestampsMs[next - 1] as number
    out.values[step] = nextMs === timeMs ? after : next === end ? before : before + ((after - before) * (timeMs - beforeMs)) / (nextMs - beforeMs)
    out.present[step] = 1
    found++
  }
  return found
}

/** The histograms among the newest samples of the windows, for a series that has any. */
export function takeNewestHistograms({ histograms }: Pick<SampleColumns, 'histograms'>, windows: Windows, present: Uint8Array): (NativeHistogram | undefined)[] | undefined {
  if (histograms === undefined) return undefined
  return Array.from(present, (isPresent, step) => (isPresent === 1 ? histograms[(windows.to[step] as number) - 1] : undefined)) // one entry per step
}

/** Samples without the histograms among them, for what has no meaning for those. */
export function numbersOnly(samples: Omit<SampleColumns, 'valueWords'>): Omit<SampleColumns, 'valueWords'> {
  const { length, timestampsMs, values, histograms } = samples
  if (histograms === undefined) return samples
  const isNumber = (_: number, i: number) => i < length && histograms[i] === undefined
  const numbers = values.filter(isNumber)
  return { length: numbers.length, timestampsMs: timestampsMs.filter(isNumber), values: numbers }
}

/** Samples without staleness markers: the same columns when there are none, else copies in `scratch`. */
export function withoutStaleMarkers(samples: SampleColumns, scratch: ColumnScratch): SampleColumns {
  const { length, timestampsMs, values, valueWords, histograms } = samples
  let read = scratch.space.exports.firstStale(scratch.space.place('values', values, length), length)
  if (read === length) return samples
  const copy = scratch.reserve(length)
  copy.timestampsMs.set(timestampsMs.subarray(0, read))
  copy.valueWords.set(valueWords.subarray(0, 2 * read))
  let written = read
  const kept = histograms?.filter((_, i) => !isStaleMarker(valueWords, i))
  for (; read < length; read++) {
    if (isStaleMarker(valueWords, read)) continue
    copy.timestampsMs[written] = timestampsMs[read] as number
    copy.valueWords[2 * written] = valueWords[2 * read] as number
    copy.valueWords[2 * written + 1] = valueWords[2 * read + 1] as number
    written++
  }
  return { ...copy, length: written, ...(kept && { histograms: kept }) }
}

/** A series' samples without staleness markers; with `zerosFromMs`, from where on it is read, with a zero where its counter began. Valid until the next read. */
export function readSampled(selection: Pick<SeriesSelection, 'read' | 'readStarts'>, index: number, { scratch, zerosFromMs }: { readonly scratch: ColumnScratch; readonly zerosFromMs: number | undefined }): SampledColumns {
  const starts = zerosFromMs === undefined ? undefined : selection.readStarts?.(index)
  const samples = withoutStaleMarkers(selection.read(index), scratch)
  return starts === undefined || zerosFromMs === undefined ? samples : withStartZeros(samples, starts, zerosFromMs)
}

/** Columns that are reused from one series to the next. */
export class ColumnScratch {
  readonly space: ColumnSpace
  #timestampsMs = new Float64Array(0)
  #values = new Float64Array(0)
  #valueWords = new Uint32Array(0)

  constructor(space: ColumnSpace) {
    this.space = space
  }

  reserve(length: number): { timestampsMs: Float64Array; values: Float64Array; valueWords: Uint32Array } {
    if (this.#values.length < length) {
      const capacity = Math.max(length, 2 * this.#values.length)
      this.#timestampsMs = new Float64Array(capacity)
      this.#values = new Float64Array(capacity)
      this.#valueWords = new Uint32Array(this.#values.buffer)
    }
    return { timestampsMs: this.#timestampsMs, values: this.#values, valueWords: this.#valueWords }
  }
}
