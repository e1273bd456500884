// Queries over downsampled days beside the same queries over the samples as they were.

import { rmSync } from 'node:fs'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { dayMs, listPartitions } from '../../storage/files/dataDir.ts'
import { formatLabels, labelsFrom } from '../../storage/model/labels.ts'
import { createMatcher, matcherTexts } from '../../storage/model/matcher.ts'
import type { DownsamplingRule } from '../../storage/partitions/downsampling.ts'
import { createRandom } from '../../test/helpers/random.ts'
import { openTestStorage, withQuerier, type TestStorage } from '../../test/helpers/testStorage.ts'
import { parseQuery } from '../language/parse.ts'
import { Limits } from '../limits.ts'
import { shareWithNobody } from '../parallel/crew.ts'
import { createColumnSpace } from '../values/columnSpace.ts'
import { evaluateQuery, sortedMatrix } from './engine.ts'

const day = Date.UTC(2026, 10, 20)
const nowMs = () => day + 5 * dayMs
const minuteMs = 60_000
const rule = { matchers: matcherTexts([createMatcher('kind', '!=', 'raw')]), afterMs: dayMs / 4, resolutionMs: 5 * minuteMs }

type Sample = readonly [timeMs: number, value: number | 'stale']

/** Two and a half days of a series every 30 s with some jitter, by a function of the sample's number. */
function history(valueOf: (i: number) => number | 'stale' | undefined): Sample[] {
  const samples: Sample[] = []
  for (let i = 0; i < 2.5 * 2880; i++) {
    const value = valueOf(i)
    if (value !== undefined) samples.push([day + i * 30_000 + 300 + ((i * 7919) % 40), value])
  }
  return samples
}

const random = createRandom()
let counted = 0
const kinds: Readonly<Record<string, readonly Sample[]>> = {
  constant: history(() => 7),
  // Resets inside of buckets, between them, and at midnight.
  counter: history((i) => (i % 455 === 0 || i % 2880 === 0 || i % 150 === 0 ? (counted = 0) : (counted += random.below(50)))),
  steady: history((i) => 3 * i),
  gauge: history((i) => Math.round(1000 * Math.sin(i / 300)) + random.below(100)),
  // Gone for an hour, with and without a marker; gone for good.
  gappy: history((i) => (i % 350 === 166 ? 'stale' : i % 350 > 166 && i % 350 < 286 ? undefined : i > 4500 ? undefined : i)),
  sparse: history((i) => (i % 20 === 0 ? i : undefined)),
  raw: history((i) => i),
}

const options = { nowMs, outOfOrderWindowMs: 10 * dayMs }

async function stored(...rules: readonly DownsamplingRule[]): Promise<TestStorage> {
  const storage = await openTestStorage(options)
  for (const [kind, samples] of Object.entries(kinds)) {
    const labels = labelsFrom({ __name__: 'm_total', kind })
    const appender = storage.appender()
    for (const [timeMs, value] of samples) value === 'stale' ? appender.appendStale(labels, timeMs) : appender.append(labels, timeMs, value)
    await appender.commit()
  }
  return compacted(storage, [2, 2, 2], rules)
}

/** Opened again, so that memory is empty, with these rules carried out. */
async function compacted(storage: TestStorage, generations: readonly number[], rules: readonly DownsamplingRule[]): Promise<TestStorage> {
  await storage.close()
  const again = await openTestStorage({ ...options, dir: storage.dir, downsamplingRules: rules })
  await again.maintain()
  await expect.poll(() => listPartitions(again.dir).current.map(({ generation }) => generation), { timeout: 30_000 }).toEqual(generations)
  return again
}

type Evaluated = { readonly samplesRead: number; readonly series: Record<string, (number | undefined)[]> }
type Range = { readonly startMs: number; readonly endMs: number; readonly stepMs: number }

function evaluate(storage: TestStorage, texts: readonly string[], range: Range): Evaluated[] {
  return withQuerier(storage, (querier) =>
    texts.map((text) => {
      const limits = new Limits({ maxSamples: 50_000_000, deadlineMs: Infinity })
      const deps = { querier, space: createColumnSpace(), limits, share: shareWithNobody, lookbackMs: 5 * minuteMs, maxSamples: 50_000_000, evaluationIntervalMs: minuteMs, countsPerStep: false, delaysNameRemoval: false }
      const result = evaluateQuery({ text, expr: parseQuery(text), ...range }, deps)
      const series = sortedMatrix(result.value).map(({ labels, values, present }) => [formatLabels(labels), Array.from(values, (value, i) => (present[i] === 1 ? value : undefined))])
      return { samplesRead: result.samplesRead, series: Object.fromEntries(series) as Evaluated['series'] }
    }),
  )
}

/** Values may differ by a share of themselves, as sums in another order do, or by `absolute`. */
type Tolerance = { readonly relative?: number; readonly absolute?: number }

function compare(full: TestStorage, coarse: TestStorage, texts: readonly string[], range: Range, { relative = 1e-12, absolute = 0 }: Tolerance = {}): void {
  const expected = evaluate(full, texts, range)
  for (const [q, { series }] of evaluate(coarse, texts, range).entries()) {
    expect(Object.keys(series), texts[q]).toEqual(Object.keys(expected[q]?.series ?? {}))
    expect(Object.keys(series), texts[q]).not.toEqual([])
    for (const [name, values] of Object.entries(expected[q]?.series ?? {})) {
      values.forEach((value, i) => {
        const other = series[name]?.[i]
        const isNear = value !== undefined && other !== undefined && Math.abs(value - other) <= relative * Math.abs(value) + absolute
        if (!isNear && !Object.is(value, other)) expect([texts[q], name, i, other, `seed ${random.seed}`]).toEqual([texts[q], name, i, value, `seed ${random.seed}`])
      })
    }
  }
}

const aligned = { startMs: day, endMs: day + 2.5 * dayMs, stepMs: 25 * minuteMs }
const askew = { startMs: day + 17 * minuteMs + 3_210, endMs: day + 2.4 * dayMs, stepMs: 7 * minuteMs }
const exact = ['min_over_time', 'max_over_time', 'sum_over_time', 'count_over_time', 'avg_over_time', 'last_over_time', 'first_over_time', 'present_over_time', 'rate', 'increase', 'delta']
const some = ['sum_over_time(m_total[25m])', 'increase(m_total[25m])', 'count_over_time(m_total[1h])', 'max_over_time(m_total[10m])', 'rate(m_total[10m])', 'last_over_time(m_total[1h])']

describe('over downsampled days', () => {
  it('a series whose buckets of a day are damaged has no values there, and never others', async () => {
    const full = await stored()
    const { dir, close } = await stored(rule)
    await close()
    const damaged = listPartitions(dir).current[1]?.path ?? ''
    const db = new Database(damaged)
    expect(db.prepare('UPDATE aggregate SET crc = crc + 1 WHERE ref = 2 AND length(body) > 0').run().changes).toBe(1)
    db.close()
    const coarse = await openTestStorage({ ...options, dir })
    const texts = ['count_over_time(m_total{kind="counter"}[25m])', 'increase(m_total{kind="counter"}[25m])', 'max_over_time(m_total{kind="counter"}[25m])']
    const expected = evaluate(full, texts, aligned)
    const found = evaluate(coarse, texts, aligned)
    for (const [q, { series }] of expected.entries()) {
      for (const [name, values] of Object.entries(series)) {
        const others = found[q]?.series[name] ?? []
        values.forEach((value, i) => {
          const endMs = aligned.startMs + i * aligned.stepMs
          const isWithin = endMs - 25 * minuteMs > day + dayMs && endMs < day + 2 * dayMs
          // What reaches over midnight has the samples of the other day.
          if (isWithin || endMs <= day + dayMs || endMs - 25 * minuteMs >= day + 2 * dayMs) expect(others[i], `${texts[q]} at step ${i}, seed ${random.seed}`).toBe(isWithin ? undefined : value)
        })
      }
    }
    await expect.poll(() => coarse.logLines.join('\n'), { timeout: 20_000 }).toMatch(/A chunk is damaged.*series 2: .*checksum is wrong/)
    rmSync(damaged)
  })

  it('functions are exact over whole buckets and near elsewhere, also where raw days begin', async () => {
    const full = await stored()
    const coarse = await stored(rule)
    compare(full, coarse, ['5m', '25m', '6h'].flatMap((range) => exact.map((name) => `${name}(m_total[${range}])`)), aligned)
    const [before, after] = [full, coarse].map((storage) => evaluate(storage, ['sum_over_time(m_total{kind="gauge"}[6h])'], aligned)[0]?.samplesRead ?? 0)
    expect(after).toBeLessThan((before ?? 0) / 2)

    const steady = ['rate', 'increase', 'delta', 'avg_over_time', 'last_over_time', 'sum_over_time'].map((name) => `${name}(m_total{kind="steady"}[13m])`)
    compare(full, coarse, steady, askew, { relative: 0.05, absolute: 6 })
    compare(full, coarse, ['count_over_time(m_total{kind=~"steady|constant"}[13m])', 'sum_over_time(m_total{kind="constant"}[2m]) / 7'], askew, { absolute: 1 })
    compare(full, coarse, ['max_over_time(m_total{kind="constant"}[1m])', 'avg_over_time(m_total{kind="constant"}[3m])'], askew)

    // A selector sees a value of the bucket wherever there was one; and the samples that stay are samples.
    const everywhere = { startMs: day + minuteMs, endMs: day + 2.5 * dayMs, stepMs: 67_000 }
    compare(full, coarse, ['m_total{kind=~"steady|constant|gappy|raw"}'], everywhere, { absolute: 30 })
    compare(full, coarse, ['quantile_over_time(0.5, m_total{kind="constant"}[17m])', 'changes(m_total{kind="constant"}[1h])', 'm_total{kind="sparse"}', 'deriv(m_total{kind="raw"}[10m])'], everywhere)
  })

  it('what was deleted stays away, and the rest of its days is exact', async () => {
    const full = await stored()
    const coarse = await stored(rule)
    for (const storage of [full, coarse]) await storage.deleteSeries([[createMatcher('__name__', '=', 'm_total')]], { minTimeMs: day + 600 * minuteMs + 1, maxTimeMs: day + 605 * minuteMs })
    compare(full, coarse, some, aligned)
    for (const storage of [full, coarse]) await storage.cleanTombstones()
    compare(full, coarse, some, aligned)
  })

  it('late samples join their bucket, and finer buckets a coarser one', async () => {
    let full = await stored()
    let coarse = await stored({ ...rule, resolutionMs: 2.5 * minuteMs })
    for (const storage of [full, coarse]) {
      const appender = storage.appender()
      for (const kind of Object.keys(kinds)) for (let i = 0; i < 10; i++) appender.append(labelsFrom({ __name__: 'm_total', kind }), day + 300 * minuteMs + i * 70_000 + 11, 5000)
      await appender.commit()
    }
    const texts = ['sum_over_time(m_total{kind!~"gappy|sparse"}[25m])', 'count_over_time(m_total[25m])', 'max_over_time(m_total[10m])']
    compare(full, coarse, texts, aligned)
    full = await compacted(full, [3, 2, 2], [])
    coarse = await compacted(coarse, [3, 3, 2], [rule])
    compare(full, coarse, texts, aligned)
  })
})
