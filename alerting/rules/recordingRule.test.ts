import { describe, expect, it } from 'vitest'
import { formatLabels, labelsFrom } from '../../storage/model/labels.ts'
import { recordSamples } from './recordingRule.ts'

const samples = [
  { labels: labelsFrom({ __name__: 'x', job: 'a', i: '1' }), value: 1 },
  { labels: labelsFrom({ __name__: 'x', job: 'a', i: '2' }), value: 2 },
]

describe('recordSamples', () => {
  it('names the result, sets labels and removes those set to nothing', () => {
    const recorded = recordSamples({ record: 'job:x', labels: { team: 't', job: '' } }, samples, 0)
    expect(recorded.map((sample) => formatLabels(sample.labels))).toEqual(['job:x{i="1", team="t"}', 'job:x{i="2", team="t"}'])
  })
  it('refuses two samples with the same labels', () => {
    const record = () => recordSamples({ record: 'job:x', labels: { i: '' } }, samples, 0)
    expect(record).toThrow('vector contains metrics with the same labelset after applying rule labels')
  })
  it('refuses more series than the limit', () => {
    expect(() => recordSamples({ record: 'r', labels: {} }, samples, 1)).toThrow('exceeded limit of 1 with 2 series')
    expect(recordSamples({ record: 'r', labels: {} }, samples, 2)).toHaveLength(2)
  })
})
