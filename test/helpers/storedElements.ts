// Samples of every kind as tests compare them: numbers, staleness markers and native histograms.

import type { NativeHistogram } from '../../storage/model/histogram.ts'
import { metricNameLabel } from '../../storage/model/labels.ts'
import { createMatcher } from '../../storage/model/matcher.ts'
import { isStaleMarker, type TimeRange } from '../../storage/model/sample.ts'
import type { Storage } from '../../storage/storage.ts'
import { plain } from './histograms.ts'
import { allTime, withQuerier } from './testStorage.ts'

/** What a sample of a series is. */
export type Element = number | 'stale' | NativeHistogram

export const shown = (element: Element): unknown => (typeof element === 'object' ? plain(element) : element)

/** The samples of the series with this name, histograms as `plain` objects. */
export function readElements(storage: Storage, name: string, range: TimeRange = allTime): [number, unknown][] {
  return withQuerier(storage, (querier) => {
    const selection = querier.select([createMatcher(metricNameLabel, '=', name)], range)
    const found: [number, unknown][] = []
    for (let i = 0; i < selection.count; i++) {
      const { length, timestampsMs, values, valueWords, histograms } = selection.read(i)
      for (let k = 0; k < length; k++) {
        const one = histograms?.[k]
        found.push([timestampsMs[k] ?? NaN, one !== undefined ? plain(one) : isStaleMarker(valueWords, k) ? 'stale' : values[k]])
      }
    }
    return found
  })
}

/** When the counters of the samples of the series with this name began, as `[time, start]`, of those that say so. */
export function readStarts(storage: Storage, name: string, range: TimeRange = allTime): [number, number][] {
  return withQuerier(storage, (querier) => {
    const selection = querier.select([createMatcher(metricNameLabel, '=', name)], range)
    return Array.from({ length: selection.count }, (_, i) => selection.readStarts?.(i)).flatMap((starts) =>
      starts === undefined ? [] : Array.from(starts.timestampsMs, (timeMs, k): [number, number] => [timeMs, starts.startsMs[k] ?? NaN]),
    )
  })
}
