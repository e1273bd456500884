// Samples that are in memory and in no chunk yet are read back bit for bit, whatever values follow each other and whatever
// range is asked for.

import { describe, expect, it } from 'vitest'
import { createKernelMemory, createKernels, loadKernelModule } from '../../src/kernels/kernels.ts'
import { createRandom, type Random } from '../../test/helpers/random.ts'
import { Head } from './head.ts'
import { openHeadReader } from './headReader.ts'

const rounds = 300
const startMs = 1_700_000_000_000
const seriesCount = 4

const view = new DataView(new ArrayBuffer(8))

/** The bits of a double as text; those of NaN are always the same, as `append` has it. */
function bitsOf(value: number): string {
  view.setFloat64(0, value)
  return Number.isNaN(value) ? 'NaN' : view.getBigUint64(0).toString(16)
}

/** The next value of a series: mostly close to the one before, of every kind of number. */
function nextValue(random: Random, before: number): number {
  const kinds = [
    () => before,
    () => Math.trunc(before) + random.below(100),
    () => Math.trunc(before) - random.below(100_000),
    () => before + 0.25,
    () => random.below(1000) / 100,
    () => random.pick([0, -0, 2 ** 47, 2 ** 47 - 1, 1 - 2 ** 47, -(2 ** 47), 2 ** 53, 5e-324, -1.7976931348623157e308, Infinity, -Infinity, NaN]),
    () => (random.below(2) === 0 ? -1 : 1) * Math.exp(random.below(1400) - 700),
  ]
  return random.pick(kinds)()
}

describe('active blocks', () => {
  it(`give back every sample, in ${rounds} rounds of random ones`, () => {
    const random = createRandom()
    const kernels = createKernels(loadKernelModule(), createKernelMemory())
    let nowMs = startMs
    const head = new Head({ kernels, appendLog: () => Promise.resolve(), nowMs: () => nowMs })
    const refs = Array.from({ length: seriesCount }, (_, i) => head.findOrCreate([{ name: '__name__', value: `m${i}` }]))
    const expected = refs.map((): [timeMs: number, bits: string][] => [])
    const last = refs.map(() => 0)
    const reader = openHeadReader(head.readerInit())
    const batch = head.batch()
    reader.pin()
    for (let round = 0; round < rounds; round++) {
      nowMs += random.pick([15_000, 15_000, 15_001, 1, 3_600_000 + random.below(9), 86_400_000 - random.below(3)])
      // A steady series, and one that changes its kind all the time.
      refs.forEach((ref, i) => {
        const value = i === 0 ? (last[i] ?? 0) + 3 : nextValue(random, last[i] ?? 0)
        last[i] = Number.isFinite(value) ? value : 0
        batch.append(ref, nowMs, value)
        expected[i]?.push([nowMs, bitsOf(value)])
      })
      void batch.commit('skipBad')
      refs.forEach((ref, i) => {
        const all = expected[i] ?? []
        const minTimeMs = random.pick([-Infinity, nowMs, all[random.below(all.length)]?.[0] ?? 0])
        const maxTimeMs = random.pick([Infinity, nowMs, all[random.below(all.length)]?.[0] ?? 0])
        reader.begin(ref, { minTimeMs, maxTimeMs })
        reader.addHeadInOrder()
        const { length, timestampsMs, values } = reader.end()
        const read = Array.from({ length }, (_, k) => [timestampsMs[k], bitsOf(values[k] ?? 0)])
        expect(read, `seed ${random.seed}, round ${round}`).toEqual(all.filter(([timeMs]) => timeMs >= minTimeMs && timeMs <= maxTimeMs))
      })
      head.flushes.maintain(nowMs)
    }
    reader.unpin()
    reader.close()
    batch.close()
    head.close()
  })
})
