// The points of a matrix as columns on one axis of steps, as a plot wants them.

import type { Metric, Point } from '../../api/shapes.ts'
import type { TimeGrid } from '../state/panelState.ts'

export type GraphSeries = { readonly metric: Metric; readonly values?: readonly Point[] }
export type Column = readonly (number | null)[]
export type Columns = { readonly times: readonly number[]; readonly values: readonly Column[] }

/** A step without a sample is a gap, and so is one that no axis can show. */
export function toColumns(series: readonly GraphSeries[], { startSeconds, endSeconds, stepSeconds }: TimeGrid): Columns {
  const count = Math.floor((endSeconds - startSeconds) / stepSeconds + 1e-6) + 1
  const times = Array.from({ length: count }, (_, index) => startSeconds + index * stepSeconds)
  const values = series.map((one) => {
    const column: (number | null)[] = new Array(count).fill(null)
    for (const [time, text] of one.values ?? []) {
      const index = Math.round((time - startSeconds) / stepSeconds)
      const value = parseValue(text)
      if (index >= 0 && index < count && Number.isFinite(value)) column[index] = value
    }
    return column
  })
  return { times, values }
}

/** Each shown column on top of the ones before it. */
export function stack(values: readonly Column[], shown: readonly boolean[]): Column[] {
  const total = new Array<number>(values[0]?.length ?? 0).fill(0)
  return values.map((column, index) =>
    shown[index] === true ? column.map((value, step) => (value === null ? null : (total[step] = (total[step] ?? 0) + value))) : column,
  )
}

export function parseValue(text: string): number {
  return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text)
}
