import { describe, expect, it } from 'vitest'
import type { TimeIntervalSpec } from '../config/timeIntervalConfig.ts'
import { isInTimeInterval } from './timeInterval.ts'

describe('isInTimeInterval', () => {
  const holds = (spec: Partial<TimeIntervalSpec>, time: string, expected: boolean) =>
    it(`${JSON.stringify(spec)} ${expected ? 'holds' : 'does not hold'} at ${time}`, () =>
      expect(isInTimeInterval({ name: 'x', specs: [{ location: 'UTC', ...spec }] }, Date.parse(time))).toBe(expected))

  holds({}, '2026-03-01T10:00:00Z', true)
  holds({ times: [] }, '2026-03-01T10:00:00Z', false)
  const office = { times: [{ startMinute: 540, endMinute: 1020 }] }
  holds(office, '2026-03-01T08:59:59Z', false)
  holds(office, '2026-03-01T09:00:00Z', true)
  holds(office, '2026-03-01T16:59:59Z', true)
  holds(office, '2026-03-01T17:00:00Z', false)
  holds({ times: [{ startMinute: 0, endMinute: 1440 }] }, '2026-03-01T23:59:59.999Z', true)
  // Central European summer time begins on 2026-03-29 at 01:00 UTC.
  holds({ ...office, location: 'Europe/Berlin' }, '2026-03-28T08:00:00Z', true)
  holds({ ...office, location: 'Europe/Berlin' }, '2026-03-30T07:00:00Z', true)
  holds({ ...office, location: 'Europe/Berlin' }, '2026-03-30T15:00:00Z', false)
  holds({ weekdays: [{ begin: 0, end: 0 }] }, '2026-03-01T10:00:00Z', true) // a Sunday
  holds({ weekdays: [{ begin: 1, end: 5 }] }, '2026-03-01T10:00:00Z', false)
  holds({ weekdays: [{ begin: 6, end: 6 }], location: 'Pacific/Kiritimati' }, '2026-03-06T12:00:00Z', true) // already Saturday there
  holds({ daysOfMonth: [{ begin: -1, end: -1 }] }, '2028-02-29T00:00:00Z', true)
  holds({ daysOfMonth: [{ begin: -1, end: -1 }] }, '2028-02-28T00:00:00Z', false)
  holds({ daysOfMonth: [{ begin: -3, end: -1 }] }, '2026-02-26T00:00:00Z', true)
  holds({ daysOfMonth: [{ begin: 1, end: -1 }] }, '2026-02-14T00:00:00Z', true)
  holds({ daysOfMonth: [{ begin: 31, end: 31 }] }, '2026-04-30T00:00:00Z', false)
  holds({ daysOfMonth: [{ begin: 27, end: 31 }] }, '2026-02-28T00:00:00Z', true)
  holds({ daysOfMonth: [{ begin: -31, end: -31 }] }, '2026-04-01T00:00:00Z', false)
  holds({ daysOfMonth: [{ begin: -31, end: -30 }] }, '2026-04-01T00:00:00Z', true)
  holds({ months: [{ begin: 3, end: 5 }], years: [{ begin: 2026, end: 2026 }] }, '2026-03-01T10:00:00Z', true)
  holds({ months: [{ begin: 3, end: 5 }], years: [{ begin: 2020, end: 2022 }] }, '2026-03-01T10:00:00Z', false)
  holds({ months: [{ begin: 13, end: 13 }] }, '2026-12-01T10:00:00Z', false)

  it('holds when any spec holds', () =>
    expect(isInTimeInterval({ name: 'x', specs: [{ location: 'UTC', times: [] }, { location: 'UTC' }] }, 0)).toBe(true))
})
