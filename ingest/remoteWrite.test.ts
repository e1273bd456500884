import { describe, expect, it } from 'vitest'
import { remoteWriteBody, remoteWriteHeaders } from '../test/helpers/remoteWriteBody.ts'
import { openTestStorage, readSamples } from '../test/helpers/testStorage.ts'
import { createRemoteWrite } from './remoteWrite.ts'

const nowMs = Date.UTC(2026, 5, 1)

const bodyAt = (timestampMs: number, count: number) =>
  remoteWriteBody(Array.from({ length: count }, (_, i) => ({ labels: { __name__: 'm', i: String(i) }, samples: [{ timestampMs, value: i }] })))

describe('back-pressure of remote write', () => {
  it('asks senders to wait while too much is on its way to the disk, and stores what it took', async () => {
    const storage = await openTestStorage({ nowMs: () => nowMs })
    const bodies = Array.from({ length: 20 }, (_, n) => bodyAt(nowMs + n, 500))
    const maxPendingBytes = 3 * (bodies[0]?.length ?? 0)
    const remoteWrite = createRemoteWrite({ storage, registry: storage.registry, logger: storage.logger, maxPendingBytes })
    const answers = await Promise.all(bodies.map((body) => remoteWrite.receive(body, remoteWriteHeaders)))
    const refused = answers.filter(({ status }) => status !== 204)
    expect(refused.length).toBeGreaterThan(0)
    expect(refused.length).toBeLessThan(20)
    for (const { status, headers } of refused) expect([status, headers?.['retry-after']]).toEqual([503, '1'])
    const taken = answers.flatMap(({ status }, n) => (status === 204 ? [nowMs + n] : []))
    expect(readSamples(storage)['m{i="7"}']?.map(([timestampMs]) => timestampMs)).toEqual(taken)
    // Once it is on the disk there is room again.
    expect((await remoteWrite.receive(bodyAt(nowMs + 100, 500), remoteWriteHeaders)).status).toBe(204)
  })
})
