import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { testDataDir } from '../../test/helpers/testStorage.ts'
import { ActiveQuerySlot, takeUnfinished } from './activeQueries.ts'

describe('the file of active queries', () => {
  const path = () => join(testDataDir(), 'queries.active')

  it('holds what has begun and not ended, once', () => {
    const file = path()
    const slots = [0, 1, 5].map((slot) => new ActiveQuerySlot(file, slot))
    slots.forEach((slot, i) => slot.begin({ query: `metric_${i}`, kind: 'range', timestamp_sec: i }))
    slots[1]?.end()
    slots.forEach((slot) => slot.close())
    expect(takeUnfinished(file)).toEqual([{ query: 'metric_0', kind: 'range', timestamp_sec: 0 }, { query: 'metric_2', kind: 'range', timestamp_sec: 2 }])
    expect(takeUnfinished(file)).toEqual([])
  })

  it('cuts a long query to its slot', () => {
    const file = path()
    const slot = new ActiveQuerySlot(file, 0)
    slot.begin({ query: 'ü'.repeat(5_000), kind: 'instant', timestamp_sec: 1 })
    slot.close()
    expect(takeUnfinished(file)[0]?.query).toMatch(/^ü{100,}…$/)
  })

  it('leaves out what was cut off', () => {
    const file = path()
    writeFileSync(file, '{"query":"up","ki\n')
    expect(takeUnfinished(file)).toEqual([])
  })
})
