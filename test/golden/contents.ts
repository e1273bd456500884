// What the golden data directory holds, written once by make.ts and expected by golden.test.ts for ever: every way to store
// values and times, late samples, a checkpoint and a log that are not in partitions yet, and state. From v3 on also native
// histograms, a deletion and a downsampled day, of which queries are asked whose answers make.ts writes beside the directory.

import type { EvaluationResult } from '../../query/service/queryService.ts'
import type { NativeHistogram } from '../../storage/model/histogram.ts'
import { formatLabels, labelsFrom, type Labels } from '../../storage/model/labels.ts'
import { histogram } from '../helpers/histograms.ts'

const startMs = Date.UTC(2026, 0, 1)
export const outOfOrderWindowMs = 3_600_000
const intervalMs = 60_000
const minutesPerDay = 1440

/** From this minute on samples are only in a checkpoint (not in v1) and in the log. */
export const loggedFrom = 2 * minutesPerDay
export const minutes = loggedFrom + 30
export const lateMinutes = [1000, 1003, 1010]

const word = new BigUint64Array(1)
const double = new Float64Array(word.buffer)

function fromBits(bits: bigint): number {
  word[0] = bits
  return double[0] ?? 0
}

/** The 64 bits of a value in hexadecimal; NaN has many. */
export function bitsOf(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  double[0] = value
  return (word[0] ?? 0n).toString(16).padStart(16, '0')
}

const specials = [-0, Infinity, -Infinity, fromBits(1n), fromBits(0x800fffffffffffffn), Number.MAX_VALUE, NaN, 2 ** 53 + 2]

/** Each a function of the minute; `undefined` where the series has no sample. */
export const series: readonly { readonly labels: Labels; readonly valueAt: (minute: number) => number | 'stale' | undefined }[] = [
  { labels: labelsFrom({ __name__: 'constant', job: 'a' }), valueAt: () => 42 },
  { labels: labelsFrom({ __name__: 'counter_total', job: 'a' }), valueAt: (minute) => (minute % 700) * 17 + (minute % 5) },
  { labels: labelsFrom({ __name__: 'counter_again_total', job: 'a' }), valueAt: (minute) => (minute % 700) * 17 + (minute % 5) },
  { labels: labelsFrom({ __name__: 'decimals', job: 'a' }), valueAt: (minute) => ((minute * 7919) % 10_007) / 100 },
  { labels: labelsFrom({ __name__: 'sum_of_decimals', job: 'a' }), valueAt: (minute) => minute * 0.1 + (minute % 3) * 0.01 },
  { labels: labelsFrom({ __name__: 'doubles', job: 'a' }), valueAt: (minute) => 1 / (minute + 3) },
  { labels: labelsFrom({ __name__: 'runs', job: 'a' }), valueAt: (minute) => (minute === 777 ? 'stale' : Math.floor(minute / 97) % 4) },
  { labels: labelsFrom({ __name__: 'pages', job: 'a' }), valueAt: (minute) => (minute % 60 < 30 ? 4096 * (minute % 30) + 1 : 77) },
  { labels: labelsFrom({ __name__: 'specials', job: 'a' }), valueAt: (minute) => specials[minute % specials.length] },
  { labels: labelsFrom({ __name__: 'specials_seldom', job: 'a' }), valueAt: (minute) => (minute % 50 === 0 ? specials[(minute / 50) % specials.length] : minute) },
  { labels: labelsFrom({ __name__: 'came_late', job: 'a' }), valueAt: (minute) => (minute < 900 ? undefined : minute) },
  { labels: labelsFrom({ __name__: 'interrupted', job: 'ü"\\\n' }), valueAt: (minute) => (minute % 200 < 50 ? undefined : -minute) },
  // Appended after later ones, except for the newest.
  { labels: labelsFrom({ __name__: 'out_of_order' }), valueAt: (minute) => (minute <= 1010 || minute >= loggedFrom ? minute / 8 : undefined) },
]

export const timeAt = (minute: number) => startMs + minute * intervalMs + ((minute * 31) % 7)

/** What queries give: `series` to `time bits` for each sample. */
export function expectedSamples(format: (labels: Labels) => string): Record<string, string[]> {
  const expected: Record<string, string[]> = {}
  for (const { labels, valueAt } of series) {
    const samples: string[] = []
    for (let minute = 0; minute < minutes; minute++) {
      const value = valueAt(minute)
      if (value !== undefined) samples.push(`${timeAt(minute)} ${value === 'stale' ? value : bitsOf(value)}`)
    }
    expected[format(labels)] = samples
  }
  return expected
}

export const stateRow = { kind: 'golden', key: 'a', value: { text: 'ä', number: 1.5 } } as const

/** The label of what is there from v3 on. */
export const since = { name: 'since', value: 'v3' } as const
const labelsSince = (name: string) => labelsFrom({ __name__: name, [since.name]: since.value })

/** A counter that is reset now and then; its first day is downsampled. */
export const requests = { labels: labelsSince('requests_total'), valueAt: (minute: number) => (minute % 500) * 13 + (minute % 7) }
export const requestsResolutionMs = 300_000

/** Some minutes of its first day are deleted, and some that are not in partitions yet. */
export const deleted = { labels: labelsSince('deleted'), valueAt: (minute: number) => minute * 1.5 }
export const deletedMinutes = [[100, 200], [loggedFrom + 5, loggedFrom + 8]] as const

export const latency = {
  labels: labelsSince('latency_seconds'),
  firstMinute: 1000,
  valueAt(minute: number): NativeHistogram {
    const positive = { [-3]: minute, 0: 2 * minute + (minute % 3), 4: Math.floor(minute / 10), 6: Math.max(0, minute - 1700) }
    return histogram({ schema: 1, sum: minute * 2.25, zeroThreshold: 1e-128, zeroCount: Math.floor(minute / 100), positive })
  },
}

/** Asked at a minute each. */
export const queries: readonly { readonly query: string; readonly minute: number }[] = [
  { query: 'increase(requests_total[6h])', minute: 1000 },
  { query: 'rate(requests_total[20m])', minute: 1200 },
  { query: 'max_over_time(requests_total[1h])', minute: 1100 },
  { query: 'count_over_time(requests_total[2d])', minute: minutes },
  { query: 'requests_total', minute: 640 },
  { query: 'sum_over_time(deleted[5h])', minute: 250 },
  { query: 'count_over_time(deleted[3d])', minute: minutes },
  { query: 'last_over_time(deleted[10m])', minute: loggedFrom + 8 },
  { query: 'histogram_quantile(0.9, rate(latency_seconds[30m]))', minute: 1430 },
  { query: 'histogram_quantile(0.5, latency_seconds)', minute: 2000 },
  { query: 'histogram_count(increase(latency_seconds[1d]))', minute: minutes },
  { query: 'histogram_sum(latency_seconds)', minute: minutes },
  { query: 'histogram_fraction(0, 2, latency_seconds)', minute: loggedFrom + 3 },
]

/** An answer as make.ts writes it down. */
export function answerText(result: EvaluationResult): string {
  if (result.kind !== 'vector') return JSON.stringify(result)
  return result.samples.map(({ labels, value }) => `${formatLabels(labels)} ${bitsOf(value)}`).sort().join(', ')
}
