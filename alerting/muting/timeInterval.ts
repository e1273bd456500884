// Whether a moment lies in a time interval of alertmanager.yml, by the wall clock of the interval's time zone. Reading
// the intervals is timeIntervalConfig.ts's work; the mute stage of the pipeline asks here.

import type { NumberRange, TimeIntervalConfig, TimeIntervalSpec } from '../config/timeIntervalConfig.ts'

/** Whether any of the specs holds at `timeMs`. */
export function isInTimeInterval(interval: TimeIntervalConfig, timeMs: number): boolean {
  return interval.specs.some((spec) => isInSpec(spec, timeMs))
}

function isInSpec(spec: TimeIntervalSpec, timeMs: number): boolean {
  const zone = spec.location === 'Local' ? Temporal.Now.timeZoneId() : spec.location
  const local = Temporal.Instant.fromEpochMilliseconds(timeMs).toZonedDateTimeISO(zone)
  const minute = local.hour * 60 + local.minute
  if (spec.times !== undefined && !spec.times.some((range) => minute >= range.startMinute && minute < range.endMinute)) return false
  if (spec.daysOfMonth !== undefined && !spec.daysOfMonth.some((range) => isInDays(range, local.day, local.daysInMonth))) return false
  if (spec.months !== undefined && !spec.months.some((range) => isIn(range, local.month))) return false
  if (spec.weekdays !== undefined && !spec.weekdays.some((range) => isIn(range, local.dayOfWeek % 7))) return false
  return spec.years === undefined || spec.years.some((range) => isIn(range, local.year))
}

function isIn(range: NumberRange, value: number): boolean {
  return value >= range.begin && value <= range.end
}

/** Negative days count from the end of the month; what lies beyond the month is cut to it. */
function isInDays(range: NumberRange, day: number, daysInMonth: number): boolean {
  const begin = range.begin < 0 ? daysInMonth + range.begin + 1 : range.begin
  const end = range.end < 0 ? daysInMonth + range.end + 1 : range.end
  if (begin > daysInMonth) return false
  return isIn({ begin: Math.max(begin, 1), end: Math.min(end, daysInMonth) }, day)
}
