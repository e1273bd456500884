// Deltas that become sums: what a stream is, which points it takes, and how histograms are put together.

import { describe, expect, it } from 'vitest'
import { DeltaStreams } from './deltaStreams.ts'
import type { ExponentialPoint, HistogramPoint, Metric, NumberPoint } from './otlpMessage.ts'

const times = (from: number, to: number) => ({ startTimeUnixNano: String(from), timeUnixNano: String(to) })

function streams() {
  const clock = { nowMs: 0 }
  const deltas = new DeltaStreams(() => clock.nowMs)
  const add = (metric: Metric) => deltas.addedUp(metric, '')
  const addSum = (...dataPoints: NumberPoint[]) => add({ name: 'a', sum: { aggregationTemporality: 1, isMonotonic: true, dataPoints } }).sum?.dataPoints?.map(({ asDouble, asInt, startTimeUnixNano }) => [Number(asDouble ?? asInt), startTimeUnixNano])
  const addExponential = (point: ExponentialPoint) => add({ name: 'e', exponentialHistogram: { aggregationTemporality: 1, dataPoints: [point] } }).exponentialHistogram?.dataPoints?.[0]
  const addHistogram = (point: HistogramPoint) => add({ name: 'h', histogram: { aggregationTemporality: 1, dataPoints: [point] } }).histogram?.dataPoints?.[0]
  return { clock, add, addSum, addExponential, addHistogram }
}

describe('a stream of deltas', () => {
  it('is added up from its first start, and passes over what is not newer or of an older one', () => {
    const { addSum } = streams()
    expect(addSum({ ...times(10, 20), asInt: '5' })).toEqual([[5, '10']])
    expect(addSum({ ...times(20, 30), asDouble: 0.5 }, { ...times(30, 40), asInt: 2 })).toEqual([[5.5, '10'], [7.5, '10']])
    expect(addSum({ ...times(30, 40), asInt: 9 }, { ...times(9, 50), asInt: 9 })).toEqual([])
    expect(addSum({ ...times(40, 50), asInt: 1 })).toEqual([[8.5, '10']])
  })

  it('is told by its attributes in any order, and by the metric', () => {
    const { addSum, add } = streams()
    const [a, b] = [{ key: 'a', value: { stringValue: '1' } }, { key: 'b', value: { stringValue: '2' } }]
    expect(addSum({ ...times(1, 2), attributes: [a, b], asInt: 1 }, { ...times(2, 3), attributes: [b, a], asInt: 1 }, { ...times(1, 2), attributes: [a], asInt: 1 })?.map(([value]) => value)).toEqual([1, 2, 1])
    const cumulative: Metric = { name: 'a', sum: { aggregationTemporality: 2, dataPoints: [{ ...times(1, 2), asInt: 7 }] } }
    expect(add(cumulative)).toBe(cumulative)
  })

  it('begins anew after a point without a value, and after five quiet minutes', () => {
    const { addSum, clock } = streams()
    addSum({ ...times(1, 2), asInt: 5 })
    addSum({ ...times(2, 3), flags: 1 })
    expect(addSum({ ...times(3, 4), asInt: 2 })).toEqual([[2, '3']])
    clock.nowMs = 300_000
    expect(addSum({ ...times(4, 5), asInt: 2 })).toEqual([[4, '3']])
    clock.nowMs = 600_001
    expect(addSum({ ...times(5, 6), asInt: 2 })).toEqual([[2, '5']])
  })

  it('of histograms adds buckets, and begins anew with other bounds', () => {
    const { addHistogram } = streams()
    const point = (at: number, bucketCounts: number[], explicitBounds: number[], sum?: number): HistogramPoint => ({ ...times(1, at), count: bucketCounts.reduce((a, b) => a + b, 0), bucketCounts, explicitBounds, ...(sum !== undefined && { sum }) })
    addHistogram(point(2, [1, 2], [1], 5))
    expect(addHistogram(point(3, [0, 4], [1], 2))).toMatchObject({ count: 7, sum: 7, bucketCounts: [1, 6] })
    const withoutSum = addHistogram(point(4, [1, 0], [1]))
    expect(withoutSum).toMatchObject({ count: 8, bucketCounts: [2, 6] })
    expect(withoutSum).not.toHaveProperty('sum')
    expect(addHistogram(point(5, [1, 0, 0], [1, 2], 3))).toMatchObject({ count: 1, sum: 3, bucketCounts: [1, 0, 0] })
  })

  it('of exponential histograms takes the coarser scale and the wider zero bucket', () => {
    const { addExponential } = streams()
    addExponential({ ...times(1, 2), count: 6, sum: 1, scale: 1, zeroCount: 1, positive: { offset: -1, bucketCounts: [1, 2, 1] }, negative: { offset: 3, bucketCounts: [1] } })
    // Buckets -1, 0 and 1 of scale 1 are in -1, 0 and 0 of scale 0, bucket 3 in 1.
    expect(addExponential({ ...times(2, 3), count: 4, sum: 2, scale: 0, zeroCount: 0, positive: { offset: 0, bucketCounts: [3, 0, 1] } })).toMatchObject({
      count: 10, sum: 3, scale: 0, zeroCount: 1, positive: { offset: -1, bucketCounts: [1, 6, 0, 1] }, negative: { offset: 1, bucketCounts: [1] },
    })
    // Up to 1 now: the bucket from 1/2 to 1 is part of the zero bucket.
    expect(addExponential({ ...times(3, 4), count: 2, sum: 0, scale: 0, zeroCount: 2, zeroThreshold: 1 })).toMatchObject({
      count: 12, zeroCount: 4, zeroThreshold: 1, positive: { offset: 0, bucketCounts: [6, 0, 1] }, negative: { offset: 1, bucketCounts: [1] },
    })
    // Inside of a bucket: to its end.
    expect(addExponential({ ...times(4, 5), count: 0, sum: 0, scale: 0, zeroThreshold: 1.5 })).toMatchObject({
      count: 12, zeroCount: 10, zeroThreshold: 2, positive: { offset: 2, bucketCounts: [1] }, negative: { offset: 1, bucketCounts: [1] },
    })
  })
})
