// A day of real samples out of a capture of 600 scrapes, played on and on without playing the same twice: counters go on
// where they were, neighbouring scrapes change places, and changes are stretched or shrunk by up to a tenth, alike for all
// series of a target, so that series which agree go on to agree. No compressor can gain by remembering the round before.

import { createRandom } from '../../test/helpers/random.ts'
import { captureNames, readCapture, type CaptureName } from '../../test/helpers/scraping/scrapeCapture.ts'

export const dayMs = 86_400_000
export const intervalMs = 15_000
const scrapesPerDay = dayMs / intervalMs

export type ReplayedSeries = {
  /** `name{label="value"}` as exposed. */
  readonly text: string
  readonly values: Float64Array
  /** 1 where the scrape has the series. */
  readonly isPresent: Uint8Array
}

export type Replay = {
  readonly name: CaptureName
  readonly series: readonly ReplayedSeries[]
  /** Milliseconds since the start of the day, with the jitter of the real scrapes. */
  readonly timesMs: Float64Array
}

/** The four exporters of the capture, each scraped every 15 s for a day. */
export function loadReplays(): Replay[] {
  return captureNames.map(loadReplay)
}

function loadReplay(name: CaptureName, target: number): Replay {
  const scrapes = readCapture(name)
  const captured = new Map<string, { values: Float64Array; isPresent: Uint8Array }>()
  scrapes.forEach((scrape, index) => {
    for (const line of scrape.body.split('\n')) {
      if (line === '' || line.startsWith('#')) continue
      const split = line.lastIndexOf(' ')
      const text = line.slice(0, split)
      let one = captured.get(text)
      if (one === undefined) captured.set(text, (one = { values: new Float64Array(scrapes.length), isPresent: new Uint8Array(scrapes.length) }))
      one.values[index] = Number(line.slice(split + 1).replace('Inf', 'Infinity'))
      one.isPresent[index] = 1
    }
  })
  const order = playOrder(scrapes.length, target)
  const firstMs = scrapes[0]?.timestampMs ?? 0
  const jitterMs = scrapes.map((scrape, index) => scrape.timestampMs - firstMs - index * 5_000)
  return {
    name,
    series: [...captured].map(([text, { values, isPresent }]) => ({ text, ...replaySeries(values, isPresent, order) })),
    timesMs: Float64Array.from(order.source, (index, i) => i * intervalMs + 1_000 + (jitterMs[index] ?? 0)),
  }
}

type PlayOrder = {
  /** For each scrape of the day, the captured one that it takes after. */
  readonly source: Uint16Array
  /** By what its changes are multiplied. */
  readonly stretch: Float64Array
}

function playOrder(captureLength: number, target: number): PlayOrder {
  const random = createRandom(1 + target)
  const source = new Uint16Array(scrapesPerDay)
  const stretch = new Float64Array(scrapesPerDay).fill(1)
  for (let i = 0; i < scrapesPerDay; i++) source[i] = i % captureLength
  for (let start = captureLength; start < scrapesPerDay; ) {
    const window = 3 + random.below(4)
    for (let k = window - 1; k > 0; k--) {
      const a = start + k
      const b = start + random.below(k + 1)
      if (a >= scrapesPerDay) continue
      const kept = source[a] ?? 0
      source[a] = source[b] ?? 0
      source[b] = kept
    }
    start += window
  }
  for (let i = captureLength; i < scrapesPerDay; i++) stretch[i] = 0.9 + random.below(2001) / 10_000
  return { source, stretch }
}

const bits = new BigInt64Array(1)
const double = new Float64Array(bits.buffer)

function bitsOf(value: number): bigint {
  double[0] = value
  return bits[0] ?? 0n
}

/** A double as a decimal with `places` places and the few units in the last place that sums of doubles are off by. */
type Decimals = { readonly places: number; readonly integers: Float64Array; readonly ulps: BigInt64Array; readonly unit: number }

function replaySeries(values: Float64Array, isPresent: Uint8Array, order: PlayOrder) {
  const decimals = asDecimals(values.filter((_, i) => isPresent[i] === 1))
  // By index in the capture; holes keep the value before.
  const numbers = new Float64Array(values.length)
  let at = 0
  for (let i = 0; i < values.length; i++) {
    numbers[i] = isPresent[i] === 1 ? (decimals?.integers[at] ?? values[i] ?? 0) : (numbers[i - 1] ?? 0)
    if (isPresent[i] === 1) at++
  }
  const isCounter = numbers.every((value, i) => i === 0 || value >= (numbers[i - 1] ?? 0)) && numbers.at(-1) !== numbers[0]
  const ulps = new BigInt64Array(values.length)
  if (decimals !== undefined) values.forEach((value, i) => (ulps[i] = isPresent[i] === 1 ? bitsOf(value) - bitsOf((numbers[i] ?? 0) / 10 ** decimals.places) : 0n))

  const played = new Float64Array(order.source.length)
  const presence = new Uint8Array(order.source.length)
  const unit = decimals?.unit ?? 0
  let before = 0
  order.source.forEach((source, i) => {
    presence[i] = isPresent[source] ?? 0
    const change = (numbers[source] ?? 0) - (numbers[source === 0 ? 0 : source - 1] ?? 0)
    const stretched = change * (order.stretch[i] ?? 1)
    const moved = Number.isFinite(change) ? (unit > 0 ? Math.round(stretched / unit) * unit : stretched) : 0
    let number = isCounter ? before + (i === 0 ? (numbers[0] ?? 0) : moved) : (numbers[source] ?? 0) - (Number.isFinite(change) ? change : 0) + moved
    if (i < values.length) number = numbers[source] ?? 0
    before = number
    if (decimals === undefined) {
      played[i] = number
      return
    }
    bits[0] = bitsOf(number / 10 ** decimals.places) + (ulps[source] ?? 0n)
    played[i] = double[0] ?? 0
  })
  return { values: played, isPresent: presence }
}

/** `undefined` for values that are no decimals, not even nearly. */
function asDecimals(values: Float64Array): Decimals | undefined {
  for (let places = 0; places <= 12; places++) {
    const power = 10 ** places
    const integers = values.map((value) => Math.round(value * power))
    if (integers.some((integer) => !(Math.abs(integer) < 2 ** 51))) return undefined
    const ulps = BigInt64Array.from(values, (value, i) => bitsOf(value) - bitsOf((integers[i] ?? 0) / power))
    if (ulps.some((ulp) => ulp > 4096n || ulp < -4096n)) continue
    const unit = integers.reduce((common, integer) => commonDivisor(common, Math.abs(integer - (integers[0] ?? 0))), 0)
    return { places, integers, ulps, unit }
  }
  return undefined
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b)
}
