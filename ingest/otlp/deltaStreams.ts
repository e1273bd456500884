// --enable-feature=otlp-deltatocumulative: what was counted since the last export is added up to what was counted since the
// beginning, by stream, as the processor of this name of the OpenTelemetry collector does. The sums are in memory alone: after a
// restart they begin anew, which `rate` sees as a counter that was reset.

import type { ExponentialBuckets, ExponentialPoint, HistogramPoint, KeyValue, Metric, NumberPoint, Point } from './otlpMessage.ts'
import { cumulative, delta } from './temporality.ts'

type Stream = { point: Point; seenMs: number }

/** A stream that is not seen for so long has ended. */
const maxQuietMs = 300_000

const noRecordedValue = 1

export class DeltaStreams {
  readonly #streams = new Map<string, Stream>()
  readonly #nowMs: () => number
  #sweptMs = 0

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** The metric with its deltas added up, others as they are. Points that are not newer than their stream are left out. `origin` tells resource and scope. */
  addedUp(metric: Metric, origin: string): Metric {
    const { name = '', unit = '', sum, histogram, exponentialHistogram } = metric
    this.#sweep()
    const key = (kind: string) => JSON.stringify([origin, name, unit, kind])
    if (sum?.aggregationTemporality === delta) {
      return { ...metric, sum: { ...sum, aggregationTemporality: cumulative, dataPoints: this.#points(key(`sum ${sum.isMonotonic === true}`), sum.dataPoints, plusNumber) } }
    }
    if (histogram?.aggregationTemporality === delta) {
      return { ...metric, histogram: { ...histogram, aggregationTemporality: cumulative, dataPoints: this.#points(key('histogram'), histogram.dataPoints, plusHistogram) } }
    }
    if (exponentialHistogram?.aggregationTemporality === delta) {
      return { ...metric, exponentialHistogram: { ...exponentialHistogram, aggregationTemporality: cumulative, dataPoints: this.#points(key('exponential'), exponentialHistogram.dataPoints, plusExponential) } }
    }
    return metric
  }

  #points<P extends Point>(metric: string, points: readonly P[] = [], plus: (sum: P, added: P) => P): P[] {
    return points.flatMap((point) => {
      const key = `${metric}${attributesText(point.attributes)}`
      if (((point.flags ?? 0) & noRecordedValue) !== 0) {
        this.#streams.delete(key)
        return [point]
      }
      const stream = this.#streams.get(key)
      const before = stream?.point as P | undefined // streams of one metric have points of one kind
      if (before !== undefined && (nanos(point.startTimeUnixNano) < nanos(before.startTimeUnixNano) || nanos(point.timeUnixNano) <= nanos(before.timeUnixNano))) return []
      const sum = before === undefined ? point : withTimes(plus(before, point), before, point)
      this.#streams.set(key, { point: sum, seenMs: this.#nowMs() })
      return [sum]
    })
  }

  #sweep(): void {
    const nowMs = this.#nowMs()
    if (nowMs < this.#sweptMs + maxQuietMs / 10) return
    this.#sweptMs = nowMs
    for (const [key, { seenMs }] of this.#streams) if (seenMs < nowMs - maxQuietMs) this.#streams.delete(key)
  }
}

function attributesText(attributes: readonly KeyValue[] = []): string {
  return JSON.stringify([...attributes].sort((a, b) => ((a.key ?? '') < (b.key ?? '') ? -1 : 1)))
}

function nanos(time: number | string | undefined): bigint {
  return BigInt(time ?? 0)
}

function withTimes<P extends Point>(sum: P, first: P, last: P): P {
  return { ...sum, ...(first.startTimeUnixNano !== undefined && { startTimeUnixNano: first.startTimeUnixNano }), ...(last.timeUnixNano !== undefined && { timeUnixNano: last.timeUnixNano }) }
}

function plusNumber(sum: NumberPoint, { asInt, asDouble, ...added }: NumberPoint): NumberPoint {
  return { ...added, asDouble: numberOf(sum.asDouble ?? sum.asInt) + numberOf(asDouble ?? asInt) }
}

function plusHistogram(sum: HistogramPoint, added: HistogramPoint): HistogramPoint {
  const bounds = added.explicitBounds ?? []
  const before = sum.explicitBounds ?? []
  // Observations in other buckets cannot be added: it begins anew.
  if (bounds.length !== before.length || bounds.some((bound, i) => numberOf(bound) !== numberOf(before[i]))) return added
  const { bucketCounts = [], sum: _, ...rest } = added
  return { ...rest, ...countAndSum(sum, added), bucketCounts: bucketCounts.map((count, i) => numberOf(count) + numberOf(sum.bucketCounts?.[i])) }
}

/** A sum that is missing once is missing from then on. */
function countAndSum(sum: HistogramPoint | ExponentialPoint, { sum: addedSum, count }: HistogramPoint | ExponentialPoint): { count: number; sum?: number } {
  const total = sum.sum === undefined || addedSum === undefined ? undefined : numberOf(sum.sum) + numberOf(addedSum)
  return { count: numberOf(sum.count) + numberOf(count), ...(total !== undefined && { sum: total }) }
}

function plusExponential(sum: ExponentialPoint, added: ExponentialPoint): ExponentialPoint {
  const { sum: _, ...rest } = added
  const scale = Math.min(sum.scale ?? 0, added.scale ?? 0)
  const [a, b] = [coarser(sum, scale), coarser(added, scale)]
  const zeroThreshold = commonThreshold(a, b)
  const sides = [a, b].map((one) => withoutBelow(one, zeroThreshold))
  const merged = (side: 'positive' | 'negative') => bucketsOf(sides.map((one) => one[side]))
  return {
    ...rest,
    ...countAndSum(sum, added),
    scale,
    zeroThreshold,
    zeroCount: sides.reduce((total, one) => total + one.zeroCount, 0),
    positive: merged('positive'),
    negative: merged('negative'),
  }
}

/** Counts by index; bucket i of scale s goes from b^i to b^(i + 1), where b = 2^(2^-s). */
type Counts = ReadonlyMap<number, number>
type Side = { readonly scale: number; readonly zeroThreshold: number; readonly zeroCount: number; readonly positive: Counts; readonly negative: Counts }

function coarser(point: ExponentialPoint, scale: number): Side {
  const shift = (point.scale ?? 0) - scale
  const side = ({ offset = 0, bucketCounts = [] }: ExponentialBuckets = {}): Counts => {
    const counts = new Map<number, number>()
    bucketCounts.forEach((count, i) => add(counts, (offset + i) >> shift, numberOf(count)))
    return counts
  }
  return { scale, zeroThreshold: numberOf(point.zeroThreshold), zeroCount: numberOf(point.zeroCount), positive: side(point.positive), negative: side(point.negative) }
}

/** The wider of the two, up to where a bucket ends when it lies inside of one that is populated. */
function commonThreshold(a: Side, b: Side): number {
  const wider = Math.max(a.zeroThreshold, b.zeroThreshold)
  const index = Math.ceil(Math.log2(wider) * 2 ** a.scale) - 1
  const end = bound(index + 1, a.scale)
  const isInside = wider > bound(index, a.scale) && wider < end
  return isInside && [a, b].some(({ positive, negative }) => positive.has(index) || negative.has(index)) ? end : wider
}

function bound(index: number, scale: number): number {
  return 2 ** (index * 2 ** -scale)
}

/** Buckets that begin below the threshold are part of the zero bucket. */
function withoutBelow({ scale, zeroThreshold, zeroCount, positive, negative }: Side, threshold: number): Side {
  if (threshold <= zeroThreshold) return { scale, zeroThreshold, zeroCount, positive, negative }
  let moved = 0
  const above = (counts: Counts): Counts =>
    new Map(
      [...counts].filter(([index, count]) => {
        const isAbove = bound(index, scale) >= threshold
        if (!isAbove) moved += count
        return isAbove
      }),
    )
  const kept = { positive: above(positive), negative: above(negative) }
  return { scale, zeroThreshold: threshold, zeroCount: zeroCount + moved, ...kept }
}

function bucketsOf(parts: readonly Counts[]): ExponentialBuckets {
  const counts = new Map<number, number>()
  for (const part of parts) for (const [index, count] of part) add(counts, index, count)
  const indexes = [...counts.keys()]
  if (indexes.length === 0) return { offset: 0, bucketCounts: [] }
  const offset = Math.min(...indexes)
  return { offset, bucketCounts: Array.from({ length: Math.max(...indexes) - offset + 1 }, (_, i) => counts.get(offset + i) ?? 0) }
}

function add(counts: Map<number, number>, index: number, count: number): void {
  if (count !== 0) counts.set(index, (counts.get(index) ?? 0) + count)
}

function numberOf(value: number | string | undefined): number {
  return Number(value ?? 0)
}
