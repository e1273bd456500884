// Histograms over time as the cells of a heat map. Rows are the bounds that occur, one after the other, so that buckets of
// any widths, of several schemas or with infinite bounds have their place; a bucket may cover several rows.

import type { HistogramPoint, Metric, Point } from '../../api/shapes.ts'
import { seriesName } from '../../format/seriesName.ts'
import { parseValue } from './seriesColumns.ts'

export type HeatmapCell = { readonly timeSeconds: number; readonly lower: number; readonly upper: number; readonly count: number }
export type Heatmap = {
  readonly name: string
  /** Ascending. Row `i` lies between bounds `i` and `i + 1`. */
  readonly bounds: readonly number[]
  readonly cells: readonly HeatmapCell[]
  readonly maxCount: number
}

export function heatmapOf(metric: Metric, points: readonly HistogramPoint[]): Heatmap {
  return toHeatmap(seriesName(metric), points.flatMap(([timeSeconds, { buckets = [] }]) =>
    buckets.map(([, lower, upper, count]) => ({ timeSeconds, lower: parseValue(lower), upper: parseValue(upper), count: Number(count) }))))
}

type ClassicSeries = { readonly metric: Metric; readonly values?: readonly Point[] }

/** Series that differ in `le` alone are one histogram, their values what is at most `le`. */
export function classicHeatmaps(series: readonly ClassicSeries[]): Heatmap[] {
  const groups = new Map<string, { upper: number; values: ReadonlyMap<number, number> }[]>()
  for (const { metric: { le, ...rest }, values = [] } of series) {
    if (le === undefined) continue
    const name = seriesName(rest)
    const group = groups.get(name) ?? []
    groups.set(name, group)
    group.push({ upper: parseValue(le), values: new Map(values.map(([time, text]) => [time, Number(text)])) })
  }
  return [...groups].map(([name, group]) => toHeatmap(name, classicCells(group.sort((a, b) => a.upper - b.upper))))
}

function classicCells(group: readonly { readonly upper: number; readonly values: ReadonlyMap<number, number> }[]): HeatmapCell[] {
  return group.flatMap(({ upper, values }, index) => {
    const below = group[index - 1]
    // As histogram_quantile sees it: nothing is below zero when no bound is.
    const lower = below?.upper ?? (upper > 0 ? 0 : -Infinity)
    return [...values].map(([timeSeconds, atMost]) => ({ timeSeconds, lower, upper, count: Math.max(0, atMost - (below?.values.get(timeSeconds) ?? 0)) }))
  })
}

function toHeatmap(name: string, all: readonly HeatmapCell[]): Heatmap {
  const cells = all.filter(({ count }) => count > 0)
  const bounds = [...new Set(all.flatMap(({ lower, upper }) => [lower, upper]))].sort((a, b) => a - b)
  return { name, bounds, cells, maxCount: cells.reduce((most, { count }) => Math.max(most, count), 0) }
}
