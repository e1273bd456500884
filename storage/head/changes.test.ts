import { describe, expect, it } from 'vitest'
import { createRandom } from '../../test/helpers/random.ts'
import { ChangeLog, unchangedBeforeMs } from './changes.ts'

describe('the log of changes', () => {
  it('says nothing of what was written before', () => {
    const log = new ChangeLog()
    log.note(100)
    const { sequence } = log.snapshot()
    expect(unchangedBeforeMs(log.snapshot(), sequence)).toBe(Infinity)
    log.note(200)
    log.note(150)
    expect(unchangedBeforeMs(log.snapshot(), sequence)).toBe(150)
    log.note(500)
    expect(unchangedBeforeMs(log.snapshot(), sequence)).toBe(150)
    log.note(50)
    expect(unchangedBeforeMs(log.snapshot(), sequence)).toBe(50)
  })

  it('never promises too much, and for the latest moments is exact, however long it gets', () => {
    const random = createRandom()
    const log = new ChangeLog()
    const taken: { sequence: number; oldestMs: number }[] = []
    for (let step = 0; step < 5_000; step++) {
      const timeMs = step * 10 - random.below(random.below(200) === 0 ? 20_000 : 50)
      log.note(timeMs)
      for (const one of taken) one.oldestMs = Math.min(one.oldestMs, timeMs)
      if (random.below(3) > 0) continue
      const changes = log.snapshot()
      expect(changes.written.length).toBeLessThanOrEqual(512)
      taken.forEach(({ sequence, oldestMs }, i) => {
        const told = unchangedBeforeMs(changes, sequence)
        expect(told, `seed ${random.seed}, step ${step}`).toBeLessThanOrEqual(oldestMs)
        if (i >= taken.length - 50) expect(told, `seed ${random.seed}, step ${step}`).toBe(oldestMs)
      })
      taken.push({ sequence: changes.sequence, oldestMs: Infinity })
      if (taken.length > 400) taken.splice(random.below(350), 1)
    }
  })
})
