// What operators and functions do with label sets: drop the metric name, and join series that became equal by that.

import { labelsKey, metricNameLabel, typeLabel, unitLabel, type Labels } from '../../storage/model/labels.ts'
import { goQuote } from '../language/stringLiteral.ts'
import { QueryError } from '../queryError.ts'
import type { VectorSeries } from './value.ts'

const withoutName = new WeakMap<Labels, Labels>()

/** Labels that arithmetic, functions and aggregations remove: they describe the metric, not the series. */
export function isMetadataLabel(name: string): boolean {
  return name === metricNameLabel || name === typeLabel || name === unitLabel || name === nameStateLabel
}

/** A label that no user can write, first in its set: what becomes of the name at the end of the query, see `delayedNames.ts`. */
export const nameStateLabel = '\0name'

function dropAtTheEnd(labels: Labels): Labels {
  return [{ name: nameStateLabel, value: 'drop' }, ...labels.slice(1)]
}

function dropNow(labels: Labels): Labels {
  return labels.some((label) => isMetadataLabel(label.name)) ? labels.filter((label) => !isMetadataLabel(label.name)) : labels
}

/** The set without the metric name. The same set gives the same object, so that identity can key caches. */
export function dropMetricName(labels: Labels): Labels {
  let rest = withoutName.get(labels)
  if (rest === undefined) {
    rest = labels[0]?.name === nameStateLabel ? dropAtTheEnd(labels) : dropNow(labels)
    withoutName.set(labels, rest)
  }
  return rest
}

const keys = new WeakMap<Labels, string>()

/** `labelsKey`, remembered per label set. */
export function cachedLabelsKey(labels: Labels): string {
  let key = keys.get(labels)
  if (key === undefined) {
    key = labelsKey(labels)
    keys.set(labels, key)
  }
  return key
}

/**
 * For series whose labels were changed: joins those that are now equal into one. Throws when two of them have a value at
 * the same step. Equal label sets become one object only when they are joined.
 */
export function joinEqualSeries(series: readonly VectorSeries[]): readonly VectorSeries[] {
  if (series.length < 2) return series
  const byKey = new Map<string, number>()
  const joined: VectorSeries[] = []
  for (const one of series) {
    const key = cachedLabelsKey(one.labels)
    const index = byKey.get(key)
    if (index === undefined) {
      byKey.set(key, joined.length)
      joined.push(one)
    } else {
      joined[index] = overlay(joined[index] as VectorSeries, one) // index came from this list
    }
  }
  return joined.length === series.length ? series : joined
}

function overlay(a: VectorSeries, b: VectorSeries): VectorSeries {
  const values = a.values.slice()
  const present = a.present.slice()
  for (let i = 0; i < values.length; i++) {
    if (b.present[i] === 0) continue
    if (present[i] === 1) throw sameLabelsetError()
    values[i] = b.values[i] as number // the columns of one query have one length
    present[i] = 1
  }
  if (a.histograms === undefined && b.histograms === undefined) return { labels: a.labels, values, present }
  const histograms = Array.from(present, (_, i) => (b.present[i] === 1 ? b.histograms?.[i] : a.histograms?.[i]))
  return { labels: a.labels, values, present, histograms }
}

/** Two series of a result have become one. */
export function sameLabelsetError(): QueryError {
  return new QueryError('execution', 'vector cannot contain metrics with the same labelset')
}

/**
 * Replaces every label set by the one without metric name and joins what became equal. `columns` of the result are those
 * given. When all series are of one metric they stay distinct, which spares the look-up.
 */
export function withoutMetricNames(series: readonly VectorSeries[]): readonly VectorSeries[] {
  const renamed = series.map((one) => ({ ...one, labels: dropMetricName(one.labels) }))
  return areOfOneMetric(series.length, (i) => (series[i] as VectorSeries).labels) ? renamed : joinEqualSeries(renamed)
}

/** The same, but two series that become equal are an error at whatever steps they have values. Those without any do not count. */
export function distinctWithoutMetricNames(series: readonly VectorSeries[]): readonly VectorSeries[] {
  const renamed = series.filter(({ present }) => present.includes(1)).map((one) => ({ ...one, labels: dropMetricName(one.labels) }))
  if (!areOfOneMetric(series.length, (i) => (series[i] as VectorSeries).labels) && joinEqualSeries(renamed) !== renamed) throw sameLabelsetError()
  return renamed
}

/** Whether all label sets have the same metadata, so that without it they are as distinct as before. */
export function areOfOneMetric(count: number, labelsAt: (index: number) => Labels): boolean {
  for (let i = 1; i < count; i++) if (!haveSameMetadata(labelsAt(0), labelsAt(i))) return false
  return true
}

function haveSameMetadata(a: Labels, b: Labels): boolean {
  let i = 0
  let k = 0
  for (;;) {
    const one = a[(i = nextMetadata(a, i))]
    const other = b[(k = nextMetadata(b, k))]
    if (one?.name !== other?.name || one?.value !== other?.value) return false
    if (one === undefined) return true
    i++
    k++
  }
}

/** The index of the first metadata label from `from` on; that of no label where the order says that there is none, which is soon. */
function nextMetadata(labels: Labels, from: number): number {
  for (let i = from; i < labels.length; i++) {
    const name = labels[i]?.name ?? ''
    if (isMetadataLabel(name)) return i
    if (name > unitLabel) break
  }
  return labels.length
}

/** A series as messages show it, always with braces. */
export function formatSeries(labels: Labels): string {
  return `{${labels.map(({ name, value }) => `${name}=${goQuote(value)}`).join(', ')}}`
}
