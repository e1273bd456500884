// Axes that graph and heat map share: times in the reader's zone with the day where it begins, in the colours of the page.

import uPlot from 'uplot'
import { formatTime } from '../../format/time.ts'

export type AxisColours = { readonly stroke: string; readonly grid: uPlot.Axis.Grid }

/** A canvas does not follow style sheets, so the colours are those that the element has now. */
export function axisColours(element: HTMLElement): AxisColours {
  const style = getComputedStyle(element)
  return { stroke: style.color, grid: { stroke: style.borderTopColor, width: 1 } }
}

export function timeAxis({ stroke, grid }: AxisColours, utc: boolean): uPlot.Axis {
  return { stroke, grid, ticks: grid, space: 70, values: (_plot, ticks, _axis, _space, increment) => timeLabels(ticks, increment, utc) }
}

function timeLabels(ticks: readonly number[], incrementSeconds: number, utc: boolean): string[] {
  let day = ''
  return ticks.map((tick) => {
    const text = formatTime(tick * 1000, utc)
    const isNewDay = text.slice(0, 10) !== day
    day = text.slice(0, 10)
    if (incrementSeconds >= 86_400) return day
    const time = text.slice(11, incrementSeconds < 60 ? 19 : 16)
    return isNewDay ? `${time}\n${day}` : time
  })
}

/** Has ticks lie on full hours and days of the zone that is shown. */
export function tzDate(utc: boolean): Pick<uPlot.Options, 'tzDate'> {
  return utc ? { tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC') } : {}
}
