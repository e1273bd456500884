// The ring of exemplars: what is kept, in which order, and what is refused.

import { describe, expect, it } from 'vitest'
import { MetricRegistry } from '../src/base/selfMetrics.ts'
import { createRandom } from '../test/helpers/random.ts'
import { openTestStorage, testDataDir, type TestStorage } from '../test/helpers/testStorage.ts'
import { type Exemplar, ExemplarStore } from './exemplars.ts'
import { labelsFrom } from './model/labels.ts'
import { createMatcher } from './model/matcher.ts'

const allTime = { minTimeMs: -Infinity, maxTimeMs: Infinity }
const everything = [[createMatcher('__name__', '=~', '.+')]]

function open(options: { capacity?: number; outOfOrderWindowMs?: number } = {}) {
  const registry = new MetricRegistry()
  const store = new ExemplarStore({
    capacity: 100, outOfOrderWindowMs: 0, ...options, registry,
    seriesLabels: (ref) => labelsFrom({ __name__: `s${ref}`, odd: ref % 2 === 1 ? 'yes' : '' }),
  })
  const metric = (name: string) => Number(new RegExp(`^prometheus_tsdb_exemplar_${name} (.*)$`, 'm').exec(registry.print())?.[1])
  /** `series: time=value trace ...` of everything, or of what is asked for. */
  const shown = async (sets = everything, range = allTime) =>
    (await store.select(sets, range)).map(({ seriesLabels, exemplars }) => `${seriesLabels[0]?.value}: ${exemplars.map((one) => `${one.timestampMs}=${one.value}${one.labels.map(({ value }) => ` ${value}`).join('')}`).join(', ')}`)
  return { store, metric, shown }
}

const at = (timestampMs: number, value = 1, trace = 't', hasTimestamp = true): Exemplar => ({ labels: labelsFrom({ trace_id: trace }), value, timestampMs, hasTimestamp })

describe('exemplars of a storage', () => {
  it('are there again after a restart, with their series', async () => {
    const dir = testDataDir()
    const select = (storage: TestStorage) => storage.exemplars.select([[createMatcher('__name__', '=', 'kept')]], allTime)
    const append = async (storage: TestStorage, name: string) => {
      const appender = storage.appender()
      appender.append(labelsFrom({ __name__: name, a: 'b' }), 1000, 1)
      await appender.commit()
      return storage.head.findOrCreate(labelsFrom({ __name__: name, a: 'b' }))
    }
    let storage = await openTestStorage({ dir, nowMs: () => 1000 })
    const ref = await append(storage, 'kept')
    for (let i = 0; i < 2500; i++) storage.exemplars.append(ref, at(i, i === 7 ? NaN : i === 8 ? -Infinity : i / 3, `t${i}`, i % 2 === 0))
    const before = await select(storage)
    await storage.close()
    storage = await openTestStorage({ dir, nowMs: () => 1000 })
    expect(await select(storage)).toEqual(before)
    expect(before[0]?.exemplars.length).toBe(2500)
    storage.exemplars.resize(0)
    await storage.close()
    storage = await openTestStorage({ dir, nowMs: () => 1000 })
    expect(await select(storage)).toEqual([])
  })
})

describe('ExemplarStore', () => {
  it('keeps the newest arrivals of all series together', async () => {
    const { store, shown, metric } = open({ capacity: 3 })
    for (const [ref, time] of [[1, 10], [2, 20], [1, 30], [3, 40]] as const) expect(store.append(ref, at(time))).toBe('stored')
    expect(await shown()).toEqual(['s1: 30=1 t', 's2: 20=1 t', 's3: 40=1 t'])
    store.append(3, at(50))
    expect(await shown()).toEqual(['s1: 30=1 t', 's3: 40=1 t, 50=1 t'])
    expect(['exemplars_in_storage', 'series_with_exemplars_in_storage', 'exemplars_appended_total', 'max_exemplars', 'last_exemplars_timestamp_seconds'].map(metric)).toEqual([3, 2, 5, 3, 0.03])
  })

  it('ignores what it has seen last, also at another time when there was none', async () => {
    const { store, shown } = open()
    expect([at(10), at(10), at(20)].map((one) => store.append(1, one))).toEqual(['stored', 'duplicate', 'stored'])
    const without = (time: number, value: number) => at(time, value, 't', false)
    expect([without(10, 1), without(20, 1), without(20, 2)].map((one) => store.append(2, one))).toEqual(['stored', 'duplicate', 'stored'])
    expect(await shown()).toEqual(['s1: 10=1 t, 20=1 t', 's2: 10=1 t, 20=2 t'])
  })

  it('orders equal times by value, then labels, and refuses what comes before the newest', () => {
    const { store, metric } = open()
    expect([at(10, 2), at(10, 1), at(9, 3), at(10, 3), at(10, 3, 's'), at(10, 3, 'u')].map((one) => store.append(1, one))).toEqual(['stored', 'outOfOrder', 'outOfOrder', 'stored', 'outOfOrder', 'stored'])
    expect(metric('out_of_order_exemplars_total')).toBe(3)
  })

  it('takes older ones within the window, in their place', async () => {
    const { store, shown } = open({ outOfOrderWindowMs: 20 })
    expect([at(100), at(90), at(81), at(80), at(90), at(95)].map((one) => store.append(1, one))).toEqual(['stored', 'stored', 'stored', 'outOfOrder', 'duplicate', 'stored'])
    expect(await shown()).toEqual(['s1: 81=1 t, 90=1 t, 95=1 t, 100=1 t'])
  })

  it('refuses labels of more than 128 characters, counted as characters', () => {
    const { store } = open()
    expect(store.append(1, at(1, 1, '\u{1f600}'.repeat(120)))).toBe('stored')
    expect(store.append(1, at(2, 1, 'x'.repeat(121)))).toBe('labelsTooLong')
  })

  it('gives what any selector asks for, both ends of the range included', async () => {
    const { store, shown } = open()
    for (const ref of [3, 1, 2]) for (const time of [10, 20, 30]) store.append(ref, at(time))
    expect(await shown([[createMatcher('odd', '=', 'yes')]], { minTimeMs: 10, maxTimeMs: 20 })).toEqual(['s1: 10=1 t, 20=1 t', 's3: 10=1 t, 20=1 t'])
    expect(await shown([[createMatcher('odd', '=', '')], [createMatcher('__name__', '=', 's3')]], { minTimeMs: 30, maxTimeMs: 99 })).toEqual(['s2: 30=1 t', 's3: 30=1 t'])
    expect(await shown([[createMatcher('odd', '=', 'yes')]], { minTimeMs: 31, maxTimeMs: 99 })).toEqual([])
  })

  it('can be resized, and switched off', async () => {
    const { store, shown } = open({ capacity: 4 })
    for (const time of [1, 2, 3, 4, 5]) store.append(time, at(time))
    store.resize(2)
    store.append(6, at(6))
    expect(await shown()).toEqual(['s5: 5=1 t', 's6: 6=1 t'])
    store.resize(3)
    for (const time of [7, 8]) store.append(time, at(time))
    expect(await shown()).toEqual(['s6: 6=1 t', 's7: 7=1 t', 's8: 8=1 t'])
    store.resize(0)
    expect(store.append(9, at(9))).toBe('disabled')
    expect(await shown()).toEqual([])
  })

  it('holds what a list of the last arrivals holds', async () => {
    const random = createRandom()
    const { store, shown } = open({ capacity: 7, outOfOrderWindowMs: 5 })
    const arrivals: string[] = []
    for (let i = 0; i < 500; i++) {
      const ref = 1 + random.below(4)
      const one = at(i - random.below(4), random.below(3))
      if (store.append(ref, one) === 'stored') arrivals.push(`s${ref}: ${one.timestampMs}=${one.value} t`)
      const held = (await shown()).flatMap((line) => line.slice(line.indexOf(':') + 2).split(', ').map((text) => `${line.slice(0, line.indexOf(':'))}: ${text}`))
      expect(held.sort(), `SEED=${random.seed}`).toEqual(arrivals.slice(-7).sort())
    }
  })
})
