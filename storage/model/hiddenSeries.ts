// Series that hold what belongs to the samples of another one, its start timestamps: nobody sees them or their labels.

import type { Labels } from './labels.ts'
import { startLabel } from './startTimes.ts'

export function isHiddenSeries(labels: Labels): boolean {
  return labels[0]?.name === startLabel
}

export function isHiddenLabel(name: string): boolean {
  return name === startLabel
}
