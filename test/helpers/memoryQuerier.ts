// A slow, obvious querier over samples in memory: the model that tests of the query engine read from.

import type { NativeHistogram } from '../../storage/model/histogram.ts'
import { compareBytes, compareLabels, labelsFrom, labelsKey, labelValue, type Labels } from '../../storage/model/labels.ts'
import type { Matcher } from '../../storage/model/matcher.ts'
import { staleMarkerHighWord, staleMarkerLowWord, type SampleColumns, type TimeRange } from '../../storage/model/sample.ts'
import type { Querier, SeriesSelection, TsdbStatus } from '../../storage/querier/querier.ts'

/** The value that `MemorySeries` takes for a staleness marker. */
export const stale = Symbol('stale')

export type MemorySample = readonly [timestampMs: number, value: number | typeof stale | NativeHistogram]

export type MemorySeries = {
  readonly labels: Labels
  readonly samples: readonly MemorySample[]
  /** By the time of a sample, when its counter began. */
  readonly starts?: ReadonlyMap<number, number>
}

/** One series with a sample every `intervalMs` from 0 on; `undefined` leaves a gap. */
export function seriesEvery(
  intervalMs: number,
  labels: Readonly<Record<string, string>>,
  values: readonly (number | typeof stale | undefined)[],
): MemorySeries {
  const samples: MemorySample[] = []
  values.forEach((value, i) => value !== undefined && samples.push([i * intervalMs, value]))
  return { labels: labelsFrom(labels), samples }
}

/** Series are held in the order given; `select` returns them in that order. */
export function createMemoryQuerier(all: readonly MemorySeries[]): Querier {
  const inRange = (series: MemorySeries, range: TimeRange) =>
    series.samples.filter(([timestampMs]) => timestampMs >= range.minTimeMs && timestampMs <= range.maxTimeMs)

  const passes = (series: MemorySeries, matchers: readonly Matcher[]) =>
    matchers.every((matcher) => matcher.matches(labelValue(series.labels, matcher.name)))

  const union = (sets: readonly (readonly Matcher[])[], range: TimeRange) =>
    all.filter((series) => (sets.length === 0 || sets.some((set) => passes(series, set))) && inRange(series, range).length > 0)

  const cut = <T>(list: T[], limit: number) => (limit > 0 ? list.slice(0, limit) : list)

  const selectionOf = (refs: readonly number[], range: TimeRange): SeriesSelection => {
    const at = (index: number) => all[refs[index] ?? NaN] ?? fail(`no series ${index}`)
    return {
      count: refs.length,
      refs: Uint32Array.from(refs),
      hasHistograms: refs.some((ref) => all[ref]?.samples.some(([, value]) => typeof value === 'object') ?? false),
      labels: (index) => at(index).labels,
      ref: (index) => refs[index] ?? NaN,
      read: (index) => columns(inRange(at(index), range)),
      readStarts(index) {
        const starts = [...(at(index).starts ?? [])].filter(([timestampMs]) => timestampMs >= range.minTimeMs && timestampMs <= range.maxTimeMs)
        return starts.length === 0 ? undefined : { timestampsMs: Float64Array.from(starts, ([timestampMs]) => timestampMs), startsMs: Float64Array.from(starts, ([, startMs]) => startMs) }
      },
    }
  }

  return {
    select: (matchers, range) => selectionOf(all.flatMap((series, ref) => (passes(series, matchers) && inRange(series, range).length > 0 ? [ref] : [])), range),
    selectRefs: (refs, range) => selectionOf([...refs], range),
    chunksDecoded: () => 0,
    hadBuckets: () => false,
    labelNames(sets, range, limit) {
      const names = new Set(union(sets, range).flatMap((series) => series.labels.map((label) => label.name)))
      return cut([...names].sort(compareBytes), limit)
    },
    labelValues(name, sets, range, limit) {
      const values = new Set(union(sets, range).map((series) => labelValue(series.labels, name)))
      values.delete('')
      return cut([...values].sort(compareBytes), limit)
    },
    seriesLabels(sets, range, limit) {
      const distinct = new Map(union(sets, range).map((series) => [labelsKey(series.labels), series.labels]))
      return cut([...distinct.values()].sort(compareLabels), limit)
    },
    status(limit: number): TsdbStatus {
      void limit
      return fail('the memory querier has no status')
    },
    partitions: () => [],
    close() {},
  }
}

function fail(message: string): never {
  throw new Error(`bug: ${message}`)
}

function columns(samples: readonly MemorySample[]): SampleColumns {
  const timestampsMs = new Float64Array(samples.length)
  const values = new Float64Array(samples.length)
  const valueWords = new Uint32Array(values.buffer)
  samples.forEach(([timestampMs, value], i) => {
    timestampsMs[i] = timestampMs
    if (typeof value === 'number') {
      values[i] = value
    } else if (value !== stale) {
      values[i] = NaN
    } else {
      valueWords[2 * i] = staleMarkerLowWord
      valueWords[2 * i + 1] = staleMarkerHighWord
    }
  })
  const histograms = samples.map(([, value]) => (typeof value === 'object' ? value : undefined))
  return { length: samples.length, timestampsMs, values, valueWords, ...(histograms.some((one) => one !== undefined) && { histograms }) }
}
