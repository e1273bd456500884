// A uPlot in an element of the page: made anew when what it shows changes, as wide as the element, gone with it. A drag over it
// chooses a range of time.

import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { axisColours, timeAxis, tzDate, type AxisColours } from './plotAxes.ts'
import type { TooltipPlace } from './tooltip.tsx'

/** What a plot has of its own; `valueAxis` is the one on the left. */
export type PlotParts = {
  readonly cursor: Omit<uPlot.Cursor, 'drag'>
  readonly scales: uPlot.Scales
  readonly valueAxis: uPlot.Axis
  readonly series: uPlot.Series[]
  readonly data: uPlot.AlignedData
  readonly hooks: Omit<uPlot.Hooks.Arrays, 'setSelect'>
  readonly more?: Pick<uPlot.Options, 'focus' | 'bands'>
}

type Frame = {
  readonly height: number
  readonly utc: boolean
  onZoom(startSeconds: number, endSeconds: number): void
}

/** Fewer pixels than this are a click. */
const leastDrag = 6

/** Returns where to put the element, and the plot that is in it. `partsOf` is called again when one of the `inputs` is another one. */
export function usePlot({ height, utc, onZoom }: Frame, partsOf: (colours: AxisColours) => PlotParts, inputs: readonly unknown[]) {
  const host = useRef<HTMLDivElement>(null)
  const plotted = useRef<uPlot>(undefined)
  const zoom = useRef(onZoom)
  zoom.current = onZoom
  useEffect(() => {
    const element = host.current
    if (element === null) return
    const colours = axisColours(element)
    const { cursor, scales, valueAxis, series, data, hooks, more } = partsOf(colours)
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height,
        legend: { show: false },
        cursor: { ...cursor, drag: { x: true, y: false } },
        scales,
        ...tzDate(utc),
        axes: [timeAxis(colours, utc), { stroke: colours.stroke, grid: colours.grid, ticks: colours.grid, size: 64, ...valueAxis }],
        series,
        ...more,
        hooks: {
          ...hooks,
          setSelect: [(self) => {
            const { left, width } = self.select
            if (width >= leastDrag) zoom.current(self.posToVal(left, 'x'), self.posToVal(left + width, 'x'))
          }],
        },
      },
      data,
      element,
    )
    plotted.current = plot
    const resize = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }))
    resize.observe(element)
    return () => {
      resize.disconnect()
      plot.destroy()
    }
  }, [utc, ...inputs])
  return { host, plotted }
}

/** Beside the cursor, on the side with more room; measured from the element the plot is in. */
export function placeBeside({ over: { clientWidth, offsetLeft, offsetTop } }: uPlot, left: number, top: number): TooltipPlace {
  return { left: offsetLeft + left, top: offsetTop + top, isLeftOf: left > clientWidth / 2 }
}
