// How two answers to a query over native histograms differ.

import type { HistogramQuery } from './queries.ts'

/** `[rule, lower, upper, count]` */
type Bucket = readonly [number, string, string, string]
export type Shown = { readonly count: string; readonly sum: string; readonly buckets?: readonly Bucket[] }
type Point = readonly [number, string | Shown]
type Series = { readonly metric: Readonly<Record<string, string>>; readonly value?: Point; readonly histogram?: Point; readonly values?: readonly Point[]; readonly histograms?: readonly Point[] }
export type Answer = { readonly status: string; readonly error?: string; readonly data?: { readonly result: readonly Series[] } }

/** What a series shows, by labels without name and time. */
type Points = ReadonlyMap<string, string | Shown>

export function pointsOf({ data }: Answer): Points {
  const points = (data?.result ?? []).flatMap(({ metric, value, histogram, values = [], histograms = [] }) => {
    const key = JSON.stringify(Object.entries({ ...metric, __name__: undefined }).sort(([a], [b]) => (a < b ? -1 : 1)))
    const all = [...(value === undefined ? [] : [value]), ...(histogram === undefined ? [] : [histogram]), ...values, ...histograms]
    return all.map(([time, shown]) => [`${key} at ${time}`, shown] as const)
  })
  return new Map(points)
}

/** Undefined when they do not. `of` is own points of what a quantile is of. */
export function difference(query: HistogramQuery, own: Points, peer: Points, of: Points | undefined): string | undefined {
  const missing = [...peer.keys()].filter((key) => !own.has(key))
  const extra = [...own.keys()].filter((key) => !peer.has(key))
  if (missing.length + extra.length > 0) return `missing ${missing.slice(0, 3).join(', ')}; too many ${extra.slice(0, 3).join(', ')}`
  for (const [key, theirs] of peer) {
    const ours = own.get(key)
    if (ours === undefined || !isLike(query, ours, theirs, of?.get(key))) return `${key}: ${JSON.stringify(ours)}\ninstead of ${JSON.stringify(theirs)}`
  }
  return undefined
}

function isLike({ likeness, quantile }: HistogramQuery, own: string | Shown, peer: string | Shown, of: string | Shown | undefined): boolean {
  if (typeof own === 'string' || typeof peer === 'string') {
    if (typeof own !== 'string' || typeof peer !== 'string') return false
    return quantile === undefined ? isClose(number(own), number(peer)) : typeof of === 'object' && isSameQuantile(number(own), number(peer), populated(of))
  }
  const factor = likeness === 'scaled' && Number(own.count) !== 0 ? Number(peer.count) / Number(own.count) : 1
  // They never know better than we how far back a counter reaches.
  if (factor < 1 - tolerance || !isClose(Number(own.count) * factor, Number(peer.count)) || !isClose(Number(own.sum) * factor, Number(peer.sum))) return false
  const [ours, theirs] = [populated(own), populated(peer)]
  if (likeness === 'same' && ours.length !== theirs.length) return false
  let used = 0
  for (const { lower, upper, count } of theirs) {
    const inside = ours.filter((bucket) => bucket.lower >= lower && bucket.upper <= upper)
    if (!isClose(inside.reduce((sum, bucket) => sum + bucket.count, 0) * factor, count)) return false
    used += inside.length
  }
  return used === ours.length
}

type NumberBucket = { readonly lower: number; readonly upper: number; readonly count: number }

function populated({ buckets = [] }: Shown): readonly NumberBucket[] {
  return buckets.map(([, lower, upper, count]) => ({ lower: number(lower), upper: number(upper), count: number(count) })).filter(({ count }) => Math.abs(count) > 1e-9)
}

/** Whether both lie as far inside one bucket, the one by its logarithm and the other by its width; at a bound they may be in two. */
function isSameQuantile(own: number, peer: number, buckets: readonly NumberBucket[]): boolean {
  if (Object.is(own, peer)) return true
  return buckets.some(({ lower, upper }) => {
    const isInside = (value: number) => value >= lower * (1 - Math.sign(lower) * tolerance) && value <= upper * (1 + Math.sign(upper) * tolerance)
    if (!isInside(own) || !isInside(peer)) return false
    // Where inside the zero bucket depends on whether there are negative buckets, and for Prometheus those count that are empty
    // but were in another sample of the same chunk.
    if (lower < 0 && upper > 0) return true
    const log = (value: number) => Math.log2(Math.abs(value))
    const isNear = (a: number, b: number) => Math.abs(a - b) < 1e-6
    return isNear((log(own) - log(lower)) / (log(upper) - log(lower)), (peer - lower) / (upper - lower))
  })
}

const tolerance = 1e-9

function isClose(a: number, b: number): boolean {
  return Object.is(a, b) || a === b || Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b), 1e-6)
}

function number(text: string): number {
  return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text)
}
