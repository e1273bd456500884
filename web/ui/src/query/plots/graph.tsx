// A matrix as a line graph: uPlot, a legend that hides and singles out series, a readout beside the cursor, zoom by drag.
// Loaded when first needed.

import { useMemo, useRef, useState } from 'preact/hooks'
import type uPlot from 'uplot'
import type { Exemplar } from '../../api/shapes.ts'
import { formatValue } from '../../format/number.ts'
import { seriesName } from '../../format/seriesName.ts'
import { formatTime } from '../../format/time.ts'
import type { TimeGrid } from '../state/panelState.ts'
import { drawExemplars, exemplarAt } from './exemplarLayer.ts'
import { Legend, seriesColour, toggled } from './legend.tsx'
import { stack, toColumns, type GraphSeries } from './seriesColumns.ts'
import { Tooltip, type TooltipPlace } from './tooltip.tsx'
import { placeBeside, usePlot } from './usePlot.ts'

type Props = {
  readonly series: readonly GraphSeries[]
  readonly grid: TimeGrid
  readonly exemplars: readonly Exemplar[]
  readonly stacked: boolean
  readonly utc: boolean
  readonly theme: string
  onZoom(startSeconds: number, endSeconds: number): void
}

const height = 380
/** Drawing all of more lines again for each move of the cursor, or a point on each, would lag behind it. */
const maxFocusedSeries = 60
/** A longer legend is not read while the cursor moves. */
const maxLegendValues = 25

type Hover = TooltipPlace & { readonly step: number; readonly series: number | undefined; readonly exemplar: Exemplar | undefined }

export function Graph({ series, grid, exemplars, stacked, utc, theme, onZoom }: Props) {
  /** The series under the cursor. */
  const nearest = useRef<number>(undefined)
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set())
  const [hover, setHover] = useState<Hover>()
  const names = useMemo(() => series.map((one) => seriesName(one.metric)), [series])
  const columns = useMemo(() => toColumns(series, grid), [series, grid])
  const { host, plotted } = usePlot({ height, utc, onZoom }, (colours) => {
    const shown = names.map((name) => !hidden.has(name))
    const isCrowded = names.length > maxFocusedSeries
    return {
      cursor: { points: { size: 6, one: isCrowded }, focus: { prox: 24 } },
      scales: { x: { time: true, range: [grid.startSeconds, grid.endSeconds] } },
      valueAxis: { values: (_plot, ticks) => ticks.map((tick) => formatValue(tick)) },
      series: [
        {},
        ...names.map((label, index) => ({
          label, show: shown[index] === true, stroke: seriesColour(index), width: 1.5, spanGaps: false,
          ...(stacked && index === shown.indexOf(true) && { fill: areaColour(index) }),
        })),
      ],
      data: [columns.times, ...(stacked ? stack(columns.values, shown) : columns.values)] as uPlot.AlignedData, // its type wants them mutable
      hooks: {
        draw: [(plot) => drawExemplars(plot, exemplars, colours.stroke)],
        setSeries: [(_plot, index, options) => {
          if ('focus' in options) nearest.current = index === null ? undefined : index - 1
        }],
        setCursor: [(plot) => {
          const { idx, left = -1, top = -1 } = plot.cursor
          setHover(idx === null || idx === undefined || left < 0 ? undefined : { step: idx, series: nearest.current, exemplar: exemplarAt(plot, exemplars), ...placeBeside(plot, left, top) })
        }],
        destroy: [() => setHover(undefined)],
      },
      more: { focus: { alpha: isCrowded ? 1 : 0.3 }, ...(stacked && { bands: bandsBetween(shown) }) },
    }
  }, [columns, names, hidden, stacked, grid, exemplars, theme])

  const legendStep = names.length <= maxLegendValues ? hover?.step : undefined
  const legend = useMemo(() => {
    const entries = names.map((name, index) => ({
      name, colour: seriesColour(index), isHidden: hidden.has(name), ...(legendStep !== undefined && { value: columns.values[index]?.[legendStep] ?? null }),
    }))
    return <Legend entries={entries} onToggle={(name, isAlone) => setHidden(toggled(names, hidden, name, isAlone))} />
  }, [names, hidden, columns, legendStep])

  return (
    <div class="graph">
      <div
        class="canvas" ref={host} data-testid="graph" tabIndex={0} role="img" aria-label={`Graph of ${names.length} series. Arrow keys read values.`}
        onKeyDown={(event) => {
          if (plotted.current !== undefined && moveCursor(plotted.current, nearest.current, event)) event.preventDefault()
        }}
      >
        {hover !== undefined && <Tooltip {...hover}>{readout(hover, { times: columns.times, series, columns: columns.values, utc })}</Tooltip>}
      </div>
      <p class="hint">Drag to zoom, Back to return. Click a series to single it out, Ctrl+click to hide it.</p>
      {legend}
    </div>
  )
}

function areaColour(index: number): string {
  return seriesColour(index).replace(')', ' / 0.35)')
}

/** The area of each shown series reaches down to the shown one below it. */
function bandsBetween(shown: readonly boolean[]): uPlot.Band[] {
  const bands: uPlot.Band[] = []
  let below: number | undefined
  shown.forEach((isShown, index) => {
    if (!isShown) return
    if (below !== undefined) bands.push({ series: [index + 1, below + 1], fill: areaColour(index) })
    below = index
  })
  return bands
}

type Readout = { readonly times: readonly number[]; readonly series: readonly GraphSeries[]; readonly columns: readonly (readonly (number | null)[])[]; readonly utc: boolean }

function readout({ step, series: index, exemplar }: Hover, { times, series, columns, utc }: Readout) {
  if (exemplar !== undefined) {
    return (
      <>
        <b>Exemplar {exemplar.value}</b>
        <div>{formatTime(exemplar.timestamp * 1000, utc)}</div>
        {Object.entries(exemplar.labels).map(([name, value]) => <div key={name} class="code">{name}="{value}"</div>)}
        <div class="code muted">{seriesName(exemplar.seriesLabels)}</div>
      </>
    )
  }
  const value = index === undefined ? undefined : columns[index]?.[step]
  return (
    <>
      <div>{formatTime((times[step] ?? 0) * 1000, utc)}</div>
      {index !== undefined && value !== undefined && value !== null && (
        <>
          <div><i style={{ background: seriesColour(index) }} /> <b>{value}</b></div>
          <div class="code">{seriesName(series[index]?.metric ?? {})}</div>
        </>
      )}
    </>
  )
}

/** Left and right go from step to step, with Shift ten at a time, up and down from series to series. Says whether it was such a key. */
function moveCursor(plot: uPlot, nearest: number | undefined, { key, shiftKey }: KeyboardEvent): boolean {
  const bySteps = (key === 'ArrowLeft' ? -1 : key === 'ArrowRight' ? 1 : 0) * (shiftKey ? 10 : 1)
  const bySeries = key === 'ArrowUp' ? -1 : key === 'ArrowDown' ? 1 : 0
  if (key === 'Escape') plot.setCursor({ left: -10, top: -10 })
  if (bySteps === 0 && bySeries === 0) return false
  const shown = plot.series.flatMap((one, index) => (index > 0 && one.show === true ? [index] : []))
  const index = clamped(shown.indexOf((nearest ?? 0) + 1) + bySeries, shown.length)
  const step = clamped((plot.cursor.idx ?? plot.data[0].length) + bySteps, plot.data[0].length)
  const value = plot.data[shown[index] ?? 0]?.[step]
  plot.setCursor({ left: plot.valToPos(plot.data[0][step] ?? 0, 'x'), top: value === undefined || value === null ? 0 : plot.valToPos(value, 'y') })
  return true
}

function clamped(index: number, count: number): number {
  return Math.max(0, Math.min(count - 1, index))
}
