import { describe, expect, it } from 'vitest'
import { classicHeatmaps, heatmapOf } from './heatmapGrid.ts'

describe('a heat map', () => {
  it('has the bounds of all buckets of a native histogram as rows', () => {
    const heatmap = heatmapOf({ __name__: 'latency', job: 'a' }, [
      [10, { count: '3', sum: '1', buckets: [[3, '-0.5', '0.5', '1'], [0, '0.5', '1', '2']] }],
      [20, { count: '4', sum: '1', buckets: [[0, '0.5', '2', '4']] }],
      [30, { count: '0', sum: '0' }],
    ])
    expect(heatmap).toEqual({
      name: 'latency{job="a"}', bounds: [-0.5, 0.5, 1, 2], maxCount: 4,
      cells: [{ timeSeconds: 10, lower: -0.5, upper: 0.5, count: 1 }, { timeSeconds: 10, lower: 0.5, upper: 1, count: 2 }, { timeSeconds: 20, lower: 0.5, upper: 2, count: 4 }],
    })
  })

  it('takes series that differ in le as the counts up to it', () => {
    const bucket = (job: string, le: string, ...values: string[]) => ({ metric: { job, le }, values: values.map((value, index) => [10 * (index + 1), value] as const) })
    const [a, b, ...more] = classicHeatmaps([bucket('a', '+Inf', '7', '9'), bucket('a', '0.1', '2', '2'), bucket('b', '1', '1'), bucket('a', '1', '6', '9')])
    expect(a).toEqual({
      name: '{job="a"}', bounds: [0, 0.1, 1, Infinity], maxCount: 7,
      cells: [
        { timeSeconds: 10, lower: 0, upper: 0.1, count: 2 }, { timeSeconds: 20, lower: 0, upper: 0.1, count: 2 },
        { timeSeconds: 10, lower: 0.1, upper: 1, count: 4 }, { timeSeconds: 20, lower: 0.1, upper: 1, count: 7 },
        { timeSeconds: 10, lower: 1, upper: Infinity, count: 1 },
      ],
    })
    expect(b?.cells).toEqual([{ timeSeconds: 10, lower: 0, upper: 1, count: 1 }])
    expect(more).toEqual([])
  })

  it('is none for series without le', () => expect(classicHeatmaps([{ metric: { job: 'a' }, values: [[1, '2']] }])).toEqual([]))
})
