// Series that hold what belongs to the samples of another one, the parts of its histograms and its start timestamps: nobody sees
// them or their labels.

import { ownerLabel, partLabel } from './histogramParts.ts'
import type { Labels } from './labels.ts'
import { startLabel } from './startTimes.ts'

export function isHiddenSeries(labels: Labels): boolean {
  const name = labels[0]?.name
  return name === ownerLabel || name === startLabel
}

export function isHiddenLabel(name: string): boolean {
  return name === ownerLabel || name === partLabel || name === startLabel
}
