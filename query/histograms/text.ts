// Native histograms as text: the object of the HTTP API and the short form that `count_values` and templates show.

import type { NativeHistogram } from '../../storage/model/histogram.ts'
import { formatExposed, formatSampleValue } from '../language/numberText.ts'
import { bucketsOf, type Bucket } from './bounds.ts'

/** `{"count":"3","sum":"2.5","buckets":[[0,"0.5","1","3"]]}`; without buckets there is no key for them. */
export function histogramJson(histogram: NativeHistogram): string {
  const buckets = bucketsOf(histogram).map((bucket) => `[${boundaryRule(bucket)},"${formatSampleValue(bucket.lower)}","${formatSampleValue(bucket.upper)}","${formatSampleValue(bucket.count)}"]`)
  const list = buckets.length === 0 ? '' : `,"buckets":[${buckets.join(',')}]`
  return `{"count":"${formatSampleValue(histogram.count)}","sum":"${formatSampleValue(histogram.sum)}"${list}}`
}

/** Which ends belong to the bucket: 0 the upper, 1 the lower, 2 none, 3 both. */
function boundaryRule({ includesLower, includesUpper }: Bucket): number {
  if (includesLower) return includesUpper ? 3 : 1
  return includesUpper ? 0 : 2
}

/** `{count:3, sum:2.5, (0.5,1]:3}` */
export function histogramText(histogram: NativeHistogram): string {
  const buckets = bucketsOf(histogram).map(
    ({ lower, upper, includesLower, includesUpper, count }) =>
      `, ${includesLower ? '[' : '('}${formatExposed(lower)},${formatExposed(upper)}${includesUpper ? ']' : ')'}:${formatExposed(count)}`,
  )
  return `{count:${formatExposed(histogram.count)}, sum:${formatExposed(histogram.sum)}${buckets.join('')}}`
}
