// A comparison of the three servers: one row per figure, with the ratio to each peer and whether the target is met.

import { printTable } from './table.ts'

export type Goal = {
  /** The peer that the ratio is to; without one the figure itself is meant. */
  readonly peer?: 'Prometheus' | 'VictoriaMetrics'
  /** The least or the most that solowatch's figure may be: times the peer's, or as it is. */
  readonly atLeast?: number
  readonly atMost?: number
}

export type Row = {
  readonly what: string
  /** solowatch's, Prometheus's, VictoriaMetrics's; NaN where a server has no such figure. */
  readonly values: readonly number[]
  readonly format: (value: number) => string
  readonly goals?: readonly Goal[]
}

const names = ['solowatch', 'Prometheus', 'VictoriaMetrics'] as const

/** Prints the rows; in brackets stands solowatch's figure divided by this one. */
export function printComparison(title: string, rows: readonly Row[]): void {
  printTable(
    `${title} (in brackets: solowatch / this)`,
    ['', ...names, 'targets'],
    rows.map((row) => [row.what, ...row.values.map((value, server) => cell(row, value, server)), (row.goals ?? []).map((goal) => verdict(row, goal)).join(', ')]),
  )
}

function cell(row: Row, value: number, server: number): string {
  if (Number.isNaN(value)) return '-'
  return server === 0 ? row.format(value) : `${row.format(value)} (${((row.values[0] ?? NaN) / value).toFixed(2)}x)`
}

function verdict(row: Row, goal: Goal): string {
  const own = row.values[0] ?? NaN
  const figure = goal.peer === undefined ? own : own / (row.values[names.indexOf(goal.peer)] ?? NaN)
  const met = figure >= (goal.atLeast ?? -Infinity) && figure <= (goal.atMost ?? Infinity)
  const bound = goal.atLeast !== undefined ? `>= ${shown(row, goal, goal.atLeast)}` : `<= ${shown(row, goal, goal.atMost ?? NaN)}`
  return `${bound} ${met ? 'met' : 'MISSED'}`
}

function shown(row: Row, goal: Goal, bound: number): string {
  return goal.peer === undefined ? row.format(bound) : `${Number(bound.toFixed(2))}x ${goal.peer}`
}
