// A matrix as a line graph: uPlot, a legend that hides and singles out series, a readout beside the cursor, zoom by drag.
// Loaded when first needed.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import type { Exemplar } from '../api.ts'
import { formatTime, formatValue } from '../time.ts'
import { drawExemplars, exemplarAt } from './exemplarLayer.ts'
import { Legend, seriesColour, toggled } from './legend.tsx'
import type { TimeGrid } from './panelState.ts'
import { axisColours, timeAxis, tzDate } from './plotAxes.ts'
import { stack, toColumns, type GraphSeries } from './seriesColumns.ts'
import { seriesName } from './seriesName.ts'
import { Tooltip, type TooltipPlace } from './tooltip.tsx'

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
  const host = useRef<HTMLDivElement>(null)
  const plotted = useRef<uPlot>(undefined)
  /** The series under the cursor. */
  const nearest = useRef<number>(undefined)
  const zoom = useRef(onZoom)
  zoom.current = onZoom
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set())
  const [hover, setHover] = useState<Hover>()
  const names = useMemo(() => series.map((one) => seriesName(one.metric)), [series])
  const columns = useMemo(() => toColumns(series, grid), [series, grid])

  useEffect(() => {
    const element = host.current
    if (element === null) return
    const shown = names.map((name) => !hidden.has(name))
    const colours = axisColours(element)
    const isCrowded = names.length > maxFocusedSeries
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height,
        legend: { show: false },
        focus: { alpha: isCrowded ? 1 : 0.3 },
        cursor: { drag: { x: true, y: false }, points: { size: 6, one: isCrowded }, focus: { prox: 24 } },
        scales: { x: { time: true, range: [grid.startSeconds, grid.endSeconds] } },
        ...tzDate(utc),
        axes: [timeAxis(colours, utc), { stroke: colours.stroke, grid: colours.grid, ticks: colours.grid, size: 64, values: (_plot, ticks) => ticks.map((tick) => formatValue(tick)) }],
        series: [
          {},
          ...names.map((label, index) => ({
            label, show: shown[index] === true, stroke: seriesColour(index), width: 1.5, spanGaps: false,
            ...(stacked && index === shown.indexOf(true) && { fill: areaColour(index) }),
          })),
        ],
        ...(stacked && { bands: bandsBetween(shown) }),
        hooks: {
          draw: [(self) => drawExemplars(self, exemplars, colours.stroke)],
          setSeries: [(_self, index, options) => {
            if ('focus' in options) nearest.current = index === null ? undefined : index - 1
          }],
          setCursor: [(self) => {
            const { idx, left = -1, top = -1 } = self.cursor
            setHover(idx === null || idx === undefined || left < 0 ? undefined : { step: idx, series: nearest.current, exemplar: exemplarAt(self, exemplars), ...placeIn(self, left, top) })
          }],
          setSelect: [(self) => {
            if (self.select.width < 6) return
            zoom.current(self.posToVal(self.select.left, 'x'), self.posToVal(self.select.left + self.select.width, 'x'))
          }],
        },
      },
      [columns.times, ...(stacked ? stack(columns.values, shown) : columns.values)] as uPlot.AlignedData, // its type wants them mutable
      element,
    )
    plotted.current = plot
    const resize = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }))
    resize.observe(element)
    return () => {
      resize.disconnect()
      plot.destroy()
      setHover(undefined)
    }
  }, [columns, names, hidden, stacked, utc, grid, exemplars, theme])

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

/** Beside the cursor, on the side with more room; measured from the element the plot is in. */
function placeIn(plot: uPlot, left: number, top: number): TooltipPlace {
  const { clientWidth, offsetLeft, offsetTop } = plot.over
  return { left: offsetLeft + left, top: offsetTop + top, isLeftOf: left > clientWidth / 2 }
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
