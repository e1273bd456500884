// Functions that change each value of an instant vector by itself: mathematics, rounding, clamping, parts of the date.

import type { CallExpr } from '../language/ast.ts'
import { withoutMetricNames } from '../values/labelSets.ts'
import type { EvalContext, Value, VectorSeries, VectorValue } from '../values/value.ts'

export type InstantFunction = (args: readonly Value[], call: CallExpr, context: EvalContext) => Value

/** Argument `index`; the type check has seen that it is a vector. So with the two below. */
export function vectorArg(args: readonly Value[], index: number): VectorValue {
  const value = args[index]
  if (value?.kind !== 'vector') throw new Error(`bug: argument ${index} is no vector`) // the parser has checked the types
  return value
}

export function scalarArg(args: readonly Value[], index: number): Float64Array {
  const value = args[index]
  if (value?.kind !== 'scalar') throw new Error(`bug: argument ${index} is no scalar`)
  return value.values
}

export function stringArg(args: readonly Value[], index: number): string {
  const value = args[index]
  if (value?.kind !== 'string') throw new Error(`bug: argument ${index} is no string`)
  return value.text
}

/** Applies `change` to every value and drops the metric names. */
function mapped(vector: VectorValue, change: (value: number, step: number) => number): VectorValue {
  const series = vector.series.map(({ labels, values, present }): VectorSeries => {
    const results = new Float64Array(values.length)
    for (let step = 0; step < results.length; step++) {
      if (present[step] === 1) results[step] = change(values[step] as number, step) // one entry per step
    }
    return { labels, values: results, present }
  })
  return { kind: 'vector', series: withoutMetricNames(series) }
}

function elementwise(change: (value: number) => number): InstantFunction {
  return (args) => mapped(vectorArg(args, 0), change)
}

const degreesPerRadian = 180 / Math.PI

export const mathematics: Readonly<Record<string, InstantFunction>> = {
  abs: elementwise(Math.abs),
  ceil: elementwise(Math.ceil),
  floor: elementwise(Math.floor),
  exp: elementwise(Math.exp),
  sqrt: elementwise(Math.sqrt),
  ln: elementwise(Math.log),
  log2: elementwise(Math.log2),
  log10: elementwise(Math.log10),
  sgn: elementwise((value) => (value > 0 ? 1 : value < 0 ? -1 : value)),
  sin: elementwise(Math.sin),
  cos: elementwise(Math.cos),
  tan: elementwise(Math.tan),
  asin: elementwise(Math.asin),
  acos: elementwise(Math.acos),
  atan: elementwise(Math.atan),
  sinh: elementwise(Math.sinh),
  cosh: elementwise(Math.cosh),
  tanh: elementwise(Math.tanh),
  asinh: elementwise(Math.asinh),
  acosh: elementwise(Math.acosh),
  atanh: elementwise(Math.atanh),
  deg: elementwise((value) => value * degreesPerRadian),
  rad: elementwise((value) => (value * Math.PI) / 180),
}

/** To the nearest multiple, halves upwards; by the inverse, because 1/0.1 is exact where 0.1 is not. */
export const round: InstantFunction = (args) => {
  const vector = vectorArg(args, 0)
  if (args.length === 1) return mapped(vector, (value) => Math.floor(value + 0.5))
  const multiples = scalarArg(args, 1)
  return mapped(vector, (value, step) => {
    const inverse = 1 / (multiples[step] as number) // one entry per step
    return Math.floor(value * inverse + 0.5) / inverse
  })
}

/** The infinity wins over NaN, as in Go's `math.Max`; `Math.max` has it the other way round. */
export function largerOf(a: number, b: number): number {
  return a === Infinity || b === Infinity ? Infinity : Math.max(a, b)
}

/** The infinity wins over NaN, as in Go's `math.Min`. */
export function smallerOf(a: number, b: number): number {
  return a === -Infinity || b === -Infinity ? -Infinity : Math.min(a, b)
}

export const clampMin: InstantFunction = (args) => {
  const least = scalarArg(args, 1)
  return mapped(vectorArg(args, 0), (value, step) => largerOf(least[step] as number, value))
}

export const clampMax: InstantFunction = (args) => {
  const most = scalarArg(args, 1)
  return mapped(vectorArg(args, 0), (value, step) => smallerOf(most[step] as number, value))
}

/** Nothing at all at steps where the bounds are the wrong way round. */
export const clamp: InstantFunction = (args) => {
  const vector = vectorArg(args, 0)
  const least = scalarArg(args, 1)
  const most = scalarArg(args, 2)
  const isEmpty = least.map((bound, step) => ((most[step] as number) < bound ? 1 : 0))
  const remaining = isEmpty.includes(1) ? vector.series.flatMap((one) => presentExcept(one, isEmpty)) : vector.series
  return mapped({ kind: 'vector', series: remaining }, (value, step) => largerOf(least[step] as number, smallerOf(most[step] as number, value)))
}

function presentExcept({ labels, values, present }: VectorSeries, excluded: Float64Array): readonly VectorSeries[] {
  const kept = present.map((isPresent, step) => (excluded[step] === 1 ? 0 : isPresent))
  return kept.includes(1) ? [{ labels, values, present: kept }] : []
}

const secondsPerDay = 86_400

type Date = { readonly year: number; readonly month: number; readonly day: number; readonly dayOfYear: number; readonly daysInMonth: number }

/** The date in the Gregorian calendar, for any number of days; the usual arithmetic on eras of 400 years that begin in March. */
function dateOf(daysSince1970: number): Date {
  const days = daysSince1970 + 719_468
  const era = Math.floor(days / 146_097)
  const dayOfEra = days - era * 146_097
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365)
  const dayFromMarch = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const monthFromMarch = Math.floor((5 * dayFromMarch + 2) / 153)
  const day = dayFromMarch - Math.floor((153 * monthFromMarch + 2) / 5) + 1
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  const daysInMonth = month === 2 ? (isLeap ? 29 : 28) : month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
  const dayOfYear = month > 2 ? dayFromMarch + 60 + (isLeap ? 1 : 0) : dayFromMarch - 305
  return { year, month, day, dayOfYear, daysInMonth }
}

/** Of seconds since 1970 in UTC, fractions cut off; without argument, of the evaluation time. */
function datePart(part: (seconds: number) => number): InstantFunction {
  const partOf = (value: number) => part(Math.trunc(value))
  return (args, _call, { steps }) => {
    if (args.length > 0) return mapped(vectorArg(args, 0), partOf)
    const values = new Float64Array(steps.count)
    for (let step = 0; step < steps.count; step++) values[step] = partOf((steps.startMs + step * steps.stepMs) / 1000)
    return { kind: 'vector', series: [{ labels: [], values, present: new Uint8Array(steps.count).fill(1) }] }
  }
}

const floorModulo = (value: number, divisor: number) => value - Math.floor(value / divisor) * divisor
const ofDate = (part: keyof Date) => datePart((seconds) => dateOf(Math.floor(seconds / secondsPerDay))[part])

export const dates: Readonly<Record<string, InstantFunction>> = {
  minute: datePart((seconds) => Math.floor(floorModulo(seconds, 3600) / 60)),
  hour: datePart((seconds) => Math.floor(floorModulo(seconds, secondsPerDay) / 3600)),
  day_of_week: datePart((seconds) => floorModulo(Math.floor(seconds / secondsPerDay) + 4, 7)),
  day_of_month: ofDate('day'),
  day_of_year: ofDate('dayOfYear'),
  days_in_month: ofDate('daysInMonth'),
  month: ofDate('month'),
  year: ofDate('year'),
}
