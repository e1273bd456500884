// Many samples of one series in one batch, as a backlog brings them: they are sealed without a stay in active blocks, and
// nothing of that may be seen from outside.

import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createRemoteWrite } from '../../ingest/remoteWrite/remoteWrite.ts'
import { createRandom, type Random } from '../../test/helpers/random.ts'
import { remoteWriteBody, remoteWriteHeaders } from '../../test/helpers/remoteWriteBody.ts'
import { openTestStorage, readSamples, testDataDir } from '../../test/helpers/testStorage.ts'

const startMs = Date.UTC(2026, 5, 1, 23, 40)

/** Mostly long runs; some irregular in their times, some with values that senders leave out of the message. */
function makeRun(random: Random, fromMs: number): { timestampMs: number; value: number }[] {
  const count = random.pick([1, 5, 17, 111, 112, 130, 241, 500, 700])
  const stepMs = random.pick([1, 250, 1000])
  let timestampMs = fromMs
  return Array.from({ length: count }, (_, i) => {
    timestampMs += stepMs + (random.below(8) === 0 ? random.below(50) : 0)
    return { timestampMs, value: random.pick([0, i, i * 0.125, -i, random.below(1_000_000)]) }
  })
}

describe('a batch with many samples of a series', () => {
  it('stores each of them, before and after a flush, a kill and a restart', async () => {
    const random = createRandom()
    const nowMs = () => startMs + 3_600_000
    let storage = await openTestStorage({ nowMs })
    const remoteWrite = createRemoteWrite({ storage, registry: storage.registry, logger: storage.logger })
    const expected: Record<string, [number, number][]> = {}
    const newestMs = new Map<string, number>()
    for (let round = 0; round < 12; round++) {
      const names = ['a', 'b', 'c', 'd'].filter(() => random.below(3) > 0)
      const series = names.map((name) => {
        const samples = makeRun(random, newestMs.get(name) ?? startMs)
        newestMs.set(name, samples.at(-1)?.timestampMs ?? startMs)
        ;(expected[`m{s="${name}"}`] ??= []).push(...samples.map(({ timestampMs, value }): [number, number] => [timestampMs, value]))
        return { labels: { __name__: 'm', s: name }, samples }
      })
      const answer = await remoteWrite.receive(remoteWriteBody(series), remoteWriteHeaders)
      expect([random.seed, answer]).toEqual([random.seed, { status: 204 }])
      if (round === 5) await storage.flush()
    }
    expect([random.seed, readSamples(storage)]).toEqual([random.seed, expected])
    const killed = join(testDataDir(), 'data')
    cpSync(storage.dir, killed, { recursive: true })
    const replayed = await openTestStorage({ dir: killed, nowMs })
    expect([random.seed, readSamples(replayed)]).toEqual([random.seed, expected])
    await replayed.close()
    // A body that begins with what is there already is refused as a whole.
    const repeated = (expected['m{s="a"}'] ?? []).slice(-200, -100).map(([timestampMs, value]) => ({ timestampMs, value: value + 1 }))
    if (repeated.length > 0) {
      const answer = await remoteWrite.receive(remoteWriteBody([{ labels: { __name__: 'm', s: 'a' }, samples: repeated }]), remoteWriteHeaders)
      expect([random.seed, answer.status]).toEqual([random.seed, 400])
    }
    const { dir } = storage
    await storage.close()
    storage = await openTestStorage({ dir, nowMs })
    expect([random.seed, readSamples(storage)]).toEqual([random.seed, expected])
  })

  it('counts what is repeated or out of order in the middle of them, and stores the rest', async () => {
    const storage = await openTestStorage({ nowMs: () => startMs + 3_600_000 })
    const ref = storage.head.findOrCreate([{ name: '__name__', value: 'm' }])
    const batch = storage.head.batch()
    const times = [...Array.from({ length: 150 }, (_, i) => i), 149, 100, ...Array.from({ length: 150 }, (_, i) => 150 + i), 20]
    times.forEach((second, i) => batch.append(ref, startMs + second * 1000, second === 149 && i === 150 ? 7 : second))
    expect(await batch.commit('skipBad')).toMatchObject({ stored: 300, duplicate: 1, outOfOrder: 2 })
    expect(readSamples(storage)['m']).toEqual(Array.from({ length: 300 }, (_, i) => [startMs + i * 1000, i]))
    batch.close()
  })

  it('comes back from the log in the order in which it was appended, with what was late and left out', async () => {
    const random = createRandom()
    const nowMs = () => startMs + 3_600_000
    const storage = await openTestStorage({ nowMs, outOfOrderWindowMs: 3_600_000 })
    const refs = ['a', 'b'].map((s) => storage.head.findOrCreate([{ name: '__name__', value: 'm' }, { name: 's', value: s }]))
    for (let round = 0; round < 8; round++) {
      const batch = storage.head.batch()
      for (let part = 0; part < 5; part++) {
        // Runs that overlap the ones before: their beginning is late, or a duplicate.
        for (const { timestampMs, value } of makeRun(random, startMs + 1000 * random.below(600 * (round + 1)))) batch.append(random.pick(refs.slice(0, 1 + (part % 2))), timestampMs, value)
      }
      await batch.commit('skipBad')
      batch.close()
    }
    const killed = join(testDataDir(), 'data')
    cpSync(storage.dir, killed, { recursive: true })
    const replayed = await openTestStorage({ dir: killed, nowMs, outOfOrderWindowMs: 3_600_000 })
    expect([random.seed, readSamples(replayed)]).toEqual([random.seed, readSamples(storage)])
  })
})
