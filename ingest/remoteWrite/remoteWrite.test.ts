import snappy from 'snappyjs'
import { describe, expect, it } from 'vitest'
import { remoteWriteBody, remoteWriteHeaders } from '../../test/helpers/remoteWriteBody.ts'
import { openTestStorage, readSamples } from '../../test/helpers/testStorage.ts'
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

describe('a series whose labels do not come first', () => {
  const field = (tag: number, bytes: Uint8Array) => Buffer.concat([Buffer.from([tag, bytes.length]), bytes])
  const label = (name: string, value: string) => field(0x0a, Buffer.concat([field(0x0a, Buffer.from(name)), field(0x12, Buffer.from(value))]))
  const sample = (value: number) => {
    const bytes = Buffer.alloc(9)
    bytes[0] = 0x09
    bytes.writeDoubleLE(value, 1)
    // Its time: a varint of seven bits each.
    const time: number[] = [0x10]
    for (let rest = nowMs + value; rest > 0; rest = Math.floor(rest / 128)) time.push((rest % 128) | (rest >= 128 ? 128 : 0))
    return field(0x12, Buffer.concat([bytes, Buffer.from(time)]))
  }

  const makesOne = (what: string, fields: readonly Uint8Array[], values: readonly number[]) =>
    it(`is one series with all its labels: ${what}`, async () => {
      const storage = await openTestStorage({ nowMs: () => nowMs })
      const remoteWrite = createRemoteWrite({ storage, registry: storage.registry, logger: storage.logger })
      const answer = await remoteWrite.receive(snappy.compress(field(0x0a, Buffer.concat(fields))), remoteWriteHeaders)
      expect(answer.status).toBe(204)
      expect(readSamples(storage)).toEqual({ 'm{a="1", b="2"}': values.map((value) => [nowMs + value, value]) })
      expect(storage.head.stats().seriesCount).toBe(1)
    })
  makesOne('samples first', [sample(1), sample(2), label('__name__', 'm'), label('a', '1'), label('b', '2')], [1, 2])
  makesOne('a sample between labels', [label('__name__', 'm'), label('a', '1'), sample(1), label('b', '2')], [1])
  makesOne('labels between samples', [label('__name__', 'm'), sample(1), label('a', '1'), sample(2), label('b', '2'), sample(3)], [1, 2, 3])
})
