// The kernel and the steps in JavaScript read and compute the same, from memory and disk, samples late, stale and missing.

import { describe, expect, it } from 'vitest'
import { createKernels } from '../../src/kernels/kernels.ts'
import type { HeadBatch } from '../../storage/head/headBatch.ts'
import { labelsFrom } from '../../storage/model/labels.ts'
import type { Querier, SeriesSelection } from '../../storage/querier/querier.ts'
import { openQuerierSource } from '../../storage/querier/querierSource.ts'
import { createRandom, type Random } from '../../test/helpers/random.ts'
import { openTestStorage, type TestStorage } from '../../test/helpers/testStorage.ts'
import { evaluateQuery, sortedMatrix } from '../engine/engine.ts'
import { parseQuery } from '../language/parse.ts'
import { Limits } from '../limits.ts'
import { ColumnSpace } from '../values/columnSpace.ts'
import { shareWithNobody } from './crew.ts'

/** An hour before midnight: the samples are of two partitions. */
const startMs = 1_700_000_000_000 - (1_700_000_000_000 % 86_400_000) + 23 * 3_600_000
const intervalMs = 15_000
const samplesPerSeries = 480
const endMs = startMs + samplesPerSeries * intervalMs
const seriesCount = 70

/** Of several targets; some are late, some end, one is short, some say when they began. Flushed now and then, the rest in memory. */
async function write(storage: TestStorage, random: Random): Promise<void> {
  const counters = new Float64Array(seriesCount)
  const began = new Float64Array(seriesCount).fill(startMs - 3_600_000)
  const late: { series: number; timeMs: number }[] = []
  const append = (batch: HeadBatch, series: number, timeMs: number) => {
    const ref = storage.head.findOrCreate(labelsFrom({ __name__: 'x', group: `g${series % 5}`, i: String(series) }))
    if (random.below(50) === 0) {
      counters[series] = 0
      if (series % 11 === 0) began[series] = timeMs - 1 - random.below(10_000)
    } else counters[series] = (counters[series] ?? 0) + random.below(1000) / 7
    if (random.below(40) === 0) return batch.appendStale(ref, timeMs)
    batch.append(ref, timeMs, random.below(60) === 0 ? random.pick([NaN, Infinity, -Infinity, -0]) : (counters[series] ?? 0))
    if (series % 3 !== 0 || series % 11 === 0) batch.noteStart(began[series] ?? 0)
  }
  const commit = async (fill: (batch: HeadBatch) => void) => {
    const batch = storage.head.batch()
    fill(batch)
    await batch.commit('skipBad')
    batch.close()
  }
  for (let from = 0; from < samplesPerSeries; from += 60) {
    await commit((batch) => {
      for (let series = 0; series < seriesCount; series++) {
        if (series === 7 && from > 60) continue
        for (let k = from; k < from + 60; k++) {
          const timeMs = startMs + k * intervalMs + (series % 6) * 1000
          const kind = random.below(100)
          if (kind < 3) continue
          if (kind < 5 && series % 3 === 0) late.push({ series, timeMs })
          else append(batch, series, timeMs)
        }
      }
    })
    await commit((batch) => late.splice(0).forEach(({ series, timeMs }) => append(batch, series, timeMs)))
    if (from % 180 === 120 && from < 420) await storage.flush()
  }
}

const withoutKernels = (querier: Querier): Querier => {
  const strip = ({ kernelReads: _, ...selection }: SeriesSelection): SeriesSelection => selection
  return { ...querier, select: (...args) => strip(querier.select(...args)), selectRefs: (...args) => strip(querier.selectRefs(...args)) }
}

function randomQuery(random: Random): string {
  const selector = random.pick(['x', 'x{group=~"g[0-2]"}', 'x{i!~"[1-4]."}', 'x offset 3m'])
  const name = random.pick(['rate', 'increase', 'delta', 'irate', 'idelta', 'avg_over_time', 'sum_over_time', 'min_over_time', 'max_over_time'])
  const inner = random.pick([selector, `${name}(${selector.replace(/( offset|$)/, `[${random.pick(['20s', '1m', '5m', '40m'])}]$1`)})`])
  return random.pick([inner, `${random.pick(['sum', 'avg', 'min', 'max', 'count', 'group', 'stddev', 'stdvar'])} by (${random.pick(['', 'group'])}) (${inner})`])
}

describe('PartKernel', () => {
  const random = createRandom()
  it(`gives what the steps of single series give (seed ${random.seed})`, { timeout: 120_000 }, async () => {
    const storage = await openTestStorage({ outOfOrderWindowMs: 3_600_000 })
    await write(storage, random)
    const init = storage.querierInit()
    const source = openQuerierSource(init)
    const space = new ColumnSpace(createKernels(init.head.module, init.head.memory))
    try {
      for (let round = 0; round < 150; round++) {
        const text = randomQuery(random)
        const stepMs = random.pick([0, 7_000, 30_000, 61_000])
        const fromMs = startMs + random.below(samplesPerSeries) * intervalMs
        const usesStarts = random.below(2) === 0
        const query = { text, expr: parseQuery(text, new Set()), startMs: fromMs, endMs: stepMs === 0 ? fromMs : endMs, stepMs }
        const answer = (isStripped: boolean) => {
          const querier = source.querier()
          space.reset()
          const limits = new Limits({ maxSamples: 10_000_000, deadlineMs: Infinity })
          const deps = { querier: isStripped ? withoutKernels(querier) : querier, space, limits, share: shareWithNobody, lookbackMs: 300_000, maxSamples: 10_000_000, evaluationIntervalMs: 60_000, countsPerStep: false, usesStarts }
          const { value, samplesRead } = evaluateQuery(query, deps)
          const series = sortedMatrix(value).map(({ labels, values, present }) => ({ labels, values: Array.from(values, (one, i) => (present[i] === 1 ? one : undefined)) }))
          querier.close()
          return { series, samplesRead, peakSamples: limits.peakSamples, chunks: querier.chunksDecoded() }
        }
        const before = answer(true)
        const steps = answer(true)
        const kernel = answer(false)
        // To see which series began in the range, some starts are read twice.
        const chunks = usesStarts ? kernel.chunks : 2 * steps.chunks - before.chunks
        expect(kernel, `${text} from ${fromMs} step ${stepMs}${usesStarts ? ' from starts' : ''}`).toEqual({ ...steps, chunks })
      }
    } finally {
      space.close()
      source.close()
      storage.releaseWorker(init)
    }
  })
})
