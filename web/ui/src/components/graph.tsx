// A matrix as a line graph: uPlot, a legend that hides and singles out series, a readout under the cursor, zoom by drag.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import type { Metric, Point } from '../api.ts'
import { formatTime, formatValue } from '../time.ts'

export type GraphSeries = { readonly metric: Metric; readonly values?: readonly Point[] }
type Props = {
  readonly series: readonly GraphSeries[]
  readonly startSeconds: number
  readonly endSeconds: number
  readonly stepSeconds: number
  readonly stacked: boolean
  readonly utc: boolean
  onZoom(startSeconds: number, endSeconds: number): void
}

/** More lines than this help nobody and cost seconds to draw; the rest is in the table. */
const maxDrawnSeries = 500

export function seriesName(metric: Metric): string {
  const { __name__: name = '', ...rest } = metric
  const pairs = Object.entries(rest).map(([label, value]) => `${label}="${value}"`)
  if (pairs.length === 0) return name === '' ? '{}' : name
  return `${name}{${pairs.join(', ')}}`
}

/** Golden-angle hues: neighbours differ, and a series keeps its colour for as long as it keeps its place. */
function seriesColour(index: number): string {
  return `hsl(${(168 + index * 137.508) % 360} 62% ${index % 2 === 0 ? 42 : 52}%)`
}

export function Graph(props: Props) {
  const host = useRef<HTMLDivElement>(null)
  const onZoom = useRef(props.onZoom)
  onZoom.current = props.onZoom
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set())
  const [cursor, setCursor] = useState<number | null>(null)
  const drawn = useMemo(() => props.series.slice(0, maxDrawnSeries), [props.series])
  const columns = useMemo(() => toColumns({ ...props, series: drawn }), [drawn, props.startSeconds, props.endSeconds, props.stepSeconds])

  useEffect(() => {
    const element = host.current
    if (element === null) return
    const shown = drawn.map((series) => !hidden.has(seriesName(series.metric)))
    const style = getComputedStyle(document.documentElement)
    const grid = { stroke: style.getPropertyValue('--grid'), width: 1 }
    const axis = { stroke: style.getPropertyValue('--muted'), grid, ticks: grid }
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height: 380,
        legend: { show: false },
        cursor: { drag: { x: true, y: false }, points: { size: 6 } },
        scales: { x: { time: true, range: [props.startSeconds, props.endSeconds] } },
        ...(props.utc && { tzDate: (seconds: number) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC') }),
        axes: [axis, { ...axis, size: 64, values: (_plot, ticks) => ticks.map((tick) => formatValue(tick)) }],
        series: [
          {},
          ...drawn.map((series, index) => ({
            label: seriesName(series.metric),
            show: shown[index] === true,
            stroke: seriesColour(index),
            width: 1.5,
            spanGaps: false,
            ...(props.stacked && { fill: seriesColour(index).replace(')', ' / 0.25)') }),
          })),
        ],
        hooks: {
          setCursor: [(self) => setCursor(self.cursor.idx ?? null)],
          setSelect: [
            (self) => {
              if (self.select.width < 6) return
              onZoom.current(self.posToVal(self.select.left, 'x'), self.posToVal(self.select.left + self.select.width, 'x'))
            },
          ],
        },
      },
      [columns.times, ...(props.stacked ? stack(columns.values, shown) : columns.values)] as uPlot.AlignedData,
      element,
    )
    const resize = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: 380 }))
    resize.observe(element)
    return () => {
      resize.disconnect()
      plot.destroy()
    }
  }, [columns, drawn, hidden, props.stacked, props.utc, props.startSeconds, props.endSeconds])

  const toggle = (name: string, single: boolean) => {
    const names = drawn.map((series) => seriesName(series.metric))
    const others = names.filter((other) => other !== name)
    if (single) setHidden(others.every((other) => hidden.has(other)) && !hidden.has(name) ? new Set() : new Set(others))
    else setHidden(hidden.has(name) ? new Set([...hidden].filter((other) => other !== name)) : new Set([...hidden, name]))
  }

  const at = cursor !== null ? columns.times[cursor] : undefined
  return (
    <div class="graph">
      <div class="canvas" ref={host} data-testid="graph" />
      <div class="readout">{at !== undefined ? formatTime(at * 1000, props.utc) : 'Drag to zoom. Click a series to single it out, Ctrl+click to hide it.'}</div>
      {props.series.length > maxDrawnSeries && (
        <div class="notice info">Drawing {maxDrawnSeries} of {props.series.length} series. Aggregate or select fewer to see the rest.</div>
      )}
      <ul class="legend">
        {drawn.map((series, index) => {
          const name = seriesName(series.metric)
          const value = cursor !== null ? columns.values[index]?.[cursor] : undefined
          return (
            <li key={name} class={hidden.has(name) ? 'hidden' : ''}>
              <button type="button" onClick={(event) => toggle(name, !event.ctrlKey && !event.metaKey)}>
                <i style={{ background: seriesColour(index) }} /> <span>{name}</span>
                {value !== undefined && value !== null && <b>{formatValue(value)}</b>}
              </button>
            </li>
          )
        })}
      </ul>
    </div>
  )
}

type Columns = { readonly times: number[]; readonly values: (number | null)[][] }

/** All series on one axis of steps; a step without a sample is a gap. */
function toColumns({ series, startSeconds, endSeconds, stepSeconds }: Pick<Props, 'series' | 'startSeconds' | 'endSeconds' | 'stepSeconds'>): Columns {
  const count = Math.floor((endSeconds - startSeconds) / stepSeconds + 1e-6) + 1
  const times = Array.from({ length: count }, (_, index) => startSeconds + index * stepSeconds)
  const values = series.map((one) => {
    const column: (number | null)[] = new Array(count).fill(null)
    for (const [time, text] of one.values ?? []) {
      const index = Math.round((time - startSeconds) / stepSeconds)
      const value = text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text)
      if (index >= 0 && index < count && Number.isFinite(value)) column[index] = value
    }
    return column
  })
  return { times, values }
}

function stack(values: (number | null)[][], shown: readonly boolean[]): (number | null)[][] {
  const total = new Array<number>(values[0]?.length ?? 0).fill(0)
  return values.map((column, index) =>
    shown[index] === true ? column.map((value, step) => (value === null ? null : (total[step] = (total[step] ?? 0) + value))) : column,
  )
}
