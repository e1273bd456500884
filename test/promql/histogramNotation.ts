// Native histograms in Prometheus's notation for test series: `{{schema:1 sum:5 count:4 buckets:[1 2 1]}}`, and rows of them,
// `{{...}}x3` and `{{...}}+{{...}}x3`.

import { add, subtract } from '../../query/histograms/arithmetic.ts'
import { customSchema, noBounds, noBuckets, type Buckets, type CounterReset, type NativeHistogram } from '../../storage/model/histogram.ts'

export function histogramSequence(item: string): NativeHistogram[] {
  const [, first = '', sign, increment, count] = /^\{\{(.*?)\}\}(?:([+-])\{\{(.*?)\}\})?(?:x(\d+))?$/.exec(item) ?? []
  if (!item.startsWith('{{') || (first === '' && !item.startsWith('{{}}'))) throw new Error(`not a histogram: ${item}`)
  const start = parseHistogram(first)
  const histograms = [start]
  const step = increment === undefined ? undefined : parseHistogram(increment)
  for (let i = 0; i < Number(count ?? 0); i++) {
    const last = histograms.at(-1) ?? start
    const next = step === undefined ? last : (sign === '-' ? subtract(last, step) : add(last, step)).histogram
    if (next === undefined) throw new Error(`cannot add the histograms of ${item}`)
    histograms.push(next)
  }
  return histograms
}

const hints: Readonly<Record<string, CounterReset>> = { unknown: 'unknown', reset: 'reset', not_reset: 'notReset', gauge: 'gauge' }

function parseHistogram(text: string): NativeHistogram {
  const fields = new Map([...text.matchAll(/(\w+):(\[[^\]]*\]|\S+)/g)].map(([, name = '', value = '']) => [name, value]))
  const number = (name: string) => parseFloatText(fields.get(name) ?? '0')
  const list = (name: string) => (fields.get(name) ?? '').replace(/[[\]]/g, '').split(/\s+/).filter((part) => part !== '').map(parseFloatText)
  const customBounds = Float64Array.from(list('custom_values'))
  const hint = hints[fields.get('counter_reset_hint') ?? 'unknown']
  if (hint === undefined) throw new Error(`unknown counter_reset_hint in {{${text}}}`)
  const isCustom = number('schema') === customSchema
  return {
    schema: number('schema'),
    counterReset: hint,
    zeroThreshold: number('z_bucket_w'),
    zeroCount: number('z_bucket'),
    count: number('count'),
    sum: number('sum'),
    positive: bucketsFrom(number('offset'), list('buckets')),
    negative: bucketsFrom(number('n_offset'), list('n_buckets')),
    customBounds: isCustom ? customBounds : noBounds,
  }
}

function parseFloatText(text: string): number {
  return /inf$/i.test(text) ? (text.startsWith('-') ? -Infinity : Infinity) : Number(text)
}

function bucketsFrom(offset: number, counts: readonly number[]): Buckets {
  const places = [...counts.keys()].filter((k) => counts[k] !== 0)
  if (places.length === 0) return noBuckets
  return { indexes: Int32Array.from(places, (k) => offset + k), counts: Float64Array.from(places, (k) => counts[k] ?? 0) }
}
