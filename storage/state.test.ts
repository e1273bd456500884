import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openTestStorage, testDataDir } from '../test/helpers/testStorage.ts'

describe('state', () => {
  it('has records again after a crash, the last value of each', async () => {
    const storage = await openTestStorage()
    await storage.state.write([
      { kind: 'silence', key: 'a', value: { comment: 'one' } },
      { kind: 'silence', key: 'b', value: [1, 2] },
      { kind: 'alert', key: 'a', value: 'firing' },
    ])
    await storage.state.write([
      { kind: 'silence', key: 'a', value: { comment: 'two' } },
      { kind: 'silence', key: 'b', value: undefined },
    ])
    expect(storage.state.load('silence')).toEqual(new Map([['a', { comment: 'two' }]]))
    const copy = join(testDataDir(), 'data')
    cpSync(storage.dir, copy, { recursive: true })
    const again = await openTestStorage({ dir: copy })
    expect(again.state.load('silence')).toEqual(new Map([['a', { comment: 'two' }]]))
    expect(again.state.load('alert')).toEqual(new Map([['a', 'firing']]))
    expect(again.state.load('nothing')).toEqual(new Map())
  })

  it('keeps what it gives out apart from what it holds', async () => {
    const storage = await openTestStorage()
    const value = { list: [1] }
    await storage.state.write([{ kind: 'k', key: 'a', value }])
    value.list.push(2)
    storage.state.load('k').clear()
    expect(storage.state.load('k')).toEqual(new Map([['a', { list: [1] }]]))
  })

  it('lists the ledger newest first, by receiver, group and time', async () => {
    const storage = await openTestStorage()
    const entry = (timeMs: number, receiver: string, groupKey: string) => ({ ledger: { timeMs, receiver, groupKey, outcome: 'sent', detail: { timeMs } } })
    await storage.state.write([entry(1, 'slack', 'g1'), entry(2, 'mail', 'g1'), entry(3, 'slack', 'g2')])
    const times = async (options: Parameters<typeof storage.state.ledger>[0]) => (await storage.state.ledger(options)).map(({ timeMs }) => timeMs)
    expect(await times({ limit: 10 })).toEqual([3, 2, 1])
    expect(await times({ limit: 2 })).toEqual([3, 2])
    expect(await times({ limit: 10, receiver: 'slack' })).toEqual([3, 1])
    expect(await times({ limit: 10, groupKey: 'g1', sinceMs: 2 })).toEqual([2])
    expect(await storage.state.ledger({ limit: 1 })).toEqual([{ timeMs: 3, receiver: 'slack', groupKey: 'g2', outcome: 'sent', detail: { timeMs: 3 } }])
  })

  it('keeps no ledger entry for more than 90 days', async () => {
    const storage = await openTestStorage()
    const entries = (startMs: number) => Array.from({ length: 500 }, (_, i) => ({ ledger: { timeMs: startMs + i, receiver: 'r', groupKey: 'g', outcome: 'sent', detail: null } }))
    await storage.state.write(entries(0))
    await storage.state.write(entries(91 * 86_400_000))
    expect(await storage.state.ledger({ limit: 2000 })).toHaveLength(500)
  })
})
