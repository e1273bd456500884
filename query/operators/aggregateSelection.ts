// Aggregations that choose among the series of a group and leave them as they are: `topk`, `bottomk`, `limitk`,
// `limit_ratio`. Each step chooses anew; a series is part of the result at the steps at which it was chosen.

import type { Labels } from '../../storage/model/labels.ts'
import type { ColumnSpace } from '../values/columnSpace.ts'
import type { VectorSeries } from '../values/value.ts'
import { labelsHashFraction } from './labelHash.ts'

/** The series of one group, in the order they came. */
export type KeptGroup = { readonly labels: Labels; readonly series: readonly VectorSeries[] }

type TopKOptions = {
  /** How many to choose, per step. */
  readonly limits: Float64Array
  readonly best: 'largest' | 'smallest'
  /** Return the series of the only step in order, the best first. */
  readonly ordered: boolean
  readonly space: ColumnSpace
}

/** Memory for the best values of some steps; as many steps are gone through at a time. */
const maxHeapBytes = 256 * 1024

/** The series that are among the best at some step, present at those steps only; `limits` has one entry per step. */
export function topKOf({ series }: KeptGroup, { limits, best, ordered, space }: TopKOptions): readonly VectorSeries[] {
  const { exports } = space
  const counts = Int32Array.from(limits, (limit) => Math.max(0, Math.min(limit, series.length)))
  const most = counts.reduce((a, b) => Math.max(a, b), 0)
  if (most === 0) return []
  const stepsAtOnce = Math.max(1, Math.floor(maxHeapBytes / exports.heapBytes(1, most)))
  const chosen = new Map<number, Uint8Array>()
  for (let from = 0; from < counts.length; from += stepsAtOnce) {
    const to = Math.min(counts.length, from + stepsAtOnce)
    const count = to - from
    const heaps = space.slot('heaps', exports.heapBytes(count, most))
    const limitsAt = space.place('limits', counts.subarray(from, to), count)
    exports.clearHeaps(heaps, count, most)
    series.forEach(({ values, present }, index) => {
      const valuesAt = space.place('values', values.subarray(from, to), count)
      exports.offerColumn(heaps, count, most, limitsAt, index, valuesAt, space.place('present', present.subarray(from, to), count), best === 'largest' ? 1 : -1)
    })
    for (let step = 0; step < count; step++) {
      const members = space.integersAt(exports.heapIndexes(heaps, count, most, step), exports.heapSize(heaps, count, most, step))
      if (ordered) return bestFirst(Array.from(members, (index) => series[index] as VectorSeries), best) // of this group
      for (const index of members) {
        let steps = chosen.get(index)
        if (steps === undefined) chosen.set(index, (steps = new Uint8Array(counts.length)))
        steps[from + step] = 1
      }
    }
  }
  return series.flatMap((one, index) => {
    const present = chosen.get(index)
    return present === undefined ? [] : [{ ...one, present }]
  })
}

/** Of an instant query. Equal ones stay in the order of the heap. */
function bestFirst(series: VectorSeries[], best: TopKOptions['best']): readonly VectorSeries[] {
  const sign = best === 'largest' ? 1 : -1
  const key = ({ values }: VectorSeries) => sign * (values[0] as number) // the only step
  return series.sort((a, b) => Number(isWorse(key(a), key(b))) - Number(isWorse(key(b), key(a))))
}

/** At each step the first series that are there, as many as `limits` has for it. */
export function limitKOf(group: KeptGroup, limits: Float64Array): readonly VectorSeries[] {
  const { series } = group
  const taken = new Float64Array(limits.length)
  const chosen = series.map((one) =>
    one.present.map((isPresent, step) => {
      if (isPresent === 0 || (taken[step] as number) >= (limits[step] as number)) return 0
      taken[step] = (taken[step] as number) + 1
      return 1
    }),
  )
  return chosenSeries(series, chosen)
}

/** A positive ratio takes the series whose hash is below it, a negative one the rest of what its complement takes. */
export function limitRatioOf(group: KeptGroup, ratios: Float64Array): readonly VectorSeries[] {
  const { series } = group
  const chosen = series.map((one) => {
    const offset = labelsHashFraction(one.labels)
    return one.present.map((isPresent, step) => {
      const ratio = ratios[step] as number
      const isTaken = ratio >= 0 ? offset < ratio : offset >= 1 + ratio
      return isPresent === 1 && isTaken ? 1 : 0
    })
  })
  return chosenSeries(series, chosen)
}

function chosenSeries(series: readonly VectorSeries[], chosen: readonly Uint8Array[]): readonly VectorSeries[] {
  return series.flatMap((one, i) => {
    const present = chosen[i] as Uint8Array // one per series
    return present.includes(1) ? [{ ...one, present }] : []
  })
}

/** NaN is worse than everything, itself included. */
function isWorse(a: number, b: number): boolean {
  return a !== a || a < b
}
