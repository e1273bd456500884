// A heat map: time to the right, the bounds of buckets upwards, the darker the more observations. Loaded when first needed.

import { useMemo, useState } from 'preact/hooks'
import type uPlot from 'uplot'
import { formatValue } from '../../format/number.ts'
import { formatTime } from '../../format/time.ts'
import type { TimeGrid } from '../state/panelState.ts'
import type { Heatmap, HeatmapCell } from './heatmapGrid.ts'
import { Tooltip, type TooltipPlace } from './tooltip.tsx'
import { placeBeside, usePlot } from './usePlot.ts'

type Props = {
  readonly heatmap: Heatmap
  readonly grid: TimeGrid
  readonly utc: boolean
  readonly theme: string
  onZoom(startSeconds: number, endSeconds: number): void
}

const height = 320

type Hover = TooltipPlace & { readonly timeSeconds: number; readonly cell: HeatmapCell | undefined }

export function HeatmapView({ heatmap, grid, utc, theme, onZoom }: Props) {
  const [hover, setHover] = useState<Hover>()
  const rows = useMemo(() => new Map(heatmap.bounds.map((bound, row) => [bound, row])), [heatmap])
  const { host } = usePlot({ height, utc, onZoom }, () => ({
    cursor: { points: { show: false } },
    // A cell reaches from its step half a step to both sides.
    scales: { x: { time: true, range: [grid.startSeconds - grid.stepSeconds / 2, grid.endSeconds + grid.stepSeconds / 2] }, y: { range: [0, Math.max(1, heatmap.bounds.length - 1)] } },
    valueAxis: { grid: { show: false }, incrs: [1, 2, 5, 10, 20, 50, 100], values: (_plot, ticks) => ticks.map((row) => formatValue(heatmap.bounds[row] ?? Number.NaN)) },
    series: [{}, { show: false }],
    data: [[grid.startSeconds, grid.endSeconds], [null, null]],
    hooks: {
      draw: [(plot) => drawCells(plot, heatmap, rows, grid.stepSeconds)],
      setCursor: [(plot) => {
        const { left = -1, top = -1 } = plot.cursor
        if (left < 0) return setHover(undefined)
        const timeSeconds = grid.startSeconds + Math.round((plot.posToVal(left, 'x') - grid.startSeconds) / grid.stepSeconds) * grid.stepSeconds
        const row = Math.floor(plot.posToVal(top, 'y'))
        const cell = heatmap.cells.find((one) => Math.abs(one.timeSeconds - timeSeconds) < grid.stepSeconds / 2 && (rows.get(one.lower) ?? 0) <= row && row < (rows.get(one.upper) ?? 0))
        setHover({ timeSeconds, cell, ...placeBeside(plot, left, top) })
      }],
      destroy: [() => setHover(undefined)],
    },
  }), [heatmap, rows, grid, theme])

  return (
    <figure class="graph">
      <figcaption class="code">{heatmap.name}</figcaption>
      <div class="canvas heatmap" ref={host} data-testid="heatmap" role="img" aria-label={`Heat map of ${heatmap.name}`}>
        {hover !== undefined && (
          <Tooltip {...hover}>
            <div>{formatTime(hover.timeSeconds * 1000, utc)}</div>
            {hover.cell !== undefined && <div><b>{formatValue(hover.cell.count)}</b> between {formatValue(hover.cell.lower)} and {formatValue(hover.cell.upper)}</div>}
          </Tooltip>
        )}
      </div>
    </figure>
  )
}

function drawCells(plot: uPlot, { cells, maxCount }: Heatmap, rows: ReadonlyMap<number, number>, stepSeconds: number): void {
  const { ctx } = plot
  ctx.save()
  ctx.fillStyle = getComputedStyle(plot.root).getPropertyValue('accent-color')
  for (const { timeSeconds, lower, upper, count } of cells) {
    // The root lets few observations be seen beside many.
    ctx.globalAlpha = 0.06 + 0.94 * Math.sqrt(count / maxCount)
    const left = Math.round(plot.valToPos(timeSeconds - stepSeconds / 2, 'x', true))
    const right = Math.round(plot.valToPos(timeSeconds + stepSeconds / 2, 'x', true))
    const top = Math.round(plot.valToPos(rows.get(upper) ?? 0, 'y', true))
    const bottom = Math.round(plot.valToPos(rows.get(lower) ?? 0, 'y', true))
    ctx.fillRect(left, top, right - left, bottom - top)
  }
  ctx.restore()
}
