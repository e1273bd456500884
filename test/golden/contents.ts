// What the golden data directory holds, written once by make.ts and expected by golden.test.ts for ever: every way to store
// values and times, late and deleted samples, a checkpoint and a log that are not in partitions yet, and state.

import { labelsFrom, type Labels } from '../../storage/labels.ts'

export const startMs = Date.UTC(2026, 0, 1)
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
