// Exemplars on a graph: a diamond at the time and value of each, at the edge when its value is beyond the axis.

import type uPlot from 'uplot'
import type { Exemplar } from '../../api/shapes.ts'
import { parseValue } from './seriesColumns.ts'

const radius = 4
/** Pixels around the cursor in which an exemplar is meant. */
const reach = 9

type Place = { readonly exemplar: Exemplar; readonly left: number; readonly top: number }

function placesOf(plot: uPlot, exemplars: readonly Exemplar[], pixels: boolean): Place[] {
  const { min = 0, max = 1 } = plot.scales['y'] ?? {}
  const clamp = (value: number) => Math.min(max ?? value, Math.max(min ?? value, value))
  return exemplars.map((exemplar) => ({
    exemplar,
    left: plot.valToPos(exemplar.timestamp, 'x', pixels),
    top: plot.valToPos(clamp(parseValue(exemplar.value)), 'y', pixels),
  }))
}

export function drawExemplars(plot: uPlot, exemplars: readonly Exemplar[], colour: string): void {
  const { ctx } = plot
  const size = radius * devicePixelRatio
  ctx.save()
  ctx.fillStyle = colour
  for (const { left, top } of placesOf(plot, exemplars, true)) {
    ctx.beginPath()
    ctx.moveTo(left, top - size)
    ctx.lineTo(left + size, top)
    ctx.lineTo(left, top + size)
    ctx.lineTo(left - size, top)
    ctx.fill()
  }
  ctx.restore()
}

/** The exemplar nearest to the cursor, when it is close. */
export function exemplarAt(plot: uPlot, exemplars: readonly Exemplar[]): Exemplar | undefined {
  const { left = -1, top = -1 } = plot.cursor
  let nearest: Exemplar | undefined
  let least = reach
  for (const place of placesOf(plot, exemplars, false)) {
    const distance = Math.hypot(place.left - left, place.top - top)
    if (distance < least) {
      least = distance
      nearest = place.exemplar
    }
  }
  return nearest
}
