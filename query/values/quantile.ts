// The quantile of a list of values, as `quantile` and `quantile_over_time` define it, and its warning.

import type { Annotations } from '../annotations.ts'
import { formatExposed } from '../language/numberText.ts'

/** The φ-quantile of the first `length` values, interpolated linearly. Sorts them in place; NaN counts as smallest. */
export function quantileOf(phi: number, values: Float64Array, length: number): number {
  if (length === 0 || phi !== phi) return NaN
  if (phi < 0) return -Infinity
  if (phi > 1) return Infinity
  const list = values.subarray(0, length).sort()
  // A typed array sorts NaN to the end; with `nans` of them, rank r is at r - nans.
  let nans = 0
  while (nans < length && Number.isNaN(list[length - 1 - nans])) nans++
  const at = (rank: number) => (rank < nans ? NaN : (list[rank - nans] as number)) // rank < length
  const rank = phi * (length - 1)
  const lower = Math.max(0, Math.floor(rank))
  const upper = Math.min(length - 1, lower + 1)
  const weight = rank - Math.floor(rank)
  return at(lower) * (1 - weight) + at(upper) * weight
}

/** Warns of every φ outside of [0, 1]. */
export function checkQuantiles(phis: Float64Array, annotations: Annotations, position: number | undefined): void {
  let least = Infinity
  let most = -Infinity
  let hasNan = false
  for (const phi of phis) {
    if (phi !== phi) hasNan = true
    if (phi < least) least = phi
    if (phi > most) most = phi
  }
  const warn = (phi: number) => annotations.warn(`quantile value should be between 0 and 1, got ${formatExposed(phi)}`, position)
  if (hasNan) warn(NaN)
  if (most > 1) warn(most)
  if (least < 0) warn(least)
}
