// Aggregations that choose among the series of a group and leave them as they are: `topk`, `bottomk`, `limitk`,
// `limit_ratio`. Each step chooses anew; a series is part of the result at the steps at which it was chosen.

import type { Labels } from '../storage/labels.ts'
import { labelsHashFraction } from './labelHash.ts'
import type { VectorSeries } from './value.ts'

/** The series of one group, in the order they came. */
export type KeptGroup = { readonly labels: Labels; readonly series: readonly VectorSeries[] }

type TopKOptions = {
  /** How many to choose, per step. */
  readonly limits: Float64Array
  readonly best: 'largest' | 'smallest'
  /** Return the series of the only step in order, the best first. */
  readonly ordered: boolean
}

export function topKOf(group: KeptGroup, { limits, best, ordered }: TopKOptions): readonly VectorSeries[] {
  const { series } = group
  const chosen = series.map((one) => new Uint8Array(one.present.length))
  const heap = new WorstFirstHeap(series.length, best === 'largest' ? 1 : -1)
  for (let step = 0; step < limits.length; step++) {
    const limit = Math.min(limits[step] as number, series.length) // step < limits.length
    if (limit < 1) continue
    heap.clear()
    for (let i = 0; i < series.length; i++) {
      const { values, present } = series[i] as VectorSeries // i < length
      if (present[step] === 1) heap.offer(i, values[step] as number, limit)
    }
    const members = heap.members()
    for (const index of members) (chosen[index] as Uint8Array)[step] = 1
    if (ordered) return heap.bestFirst().map((index) => series[index] as VectorSeries)
  }
  return chosenSeries(series, chosen)
}

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

/**
 * Keeps the best `limit` of what it is offered, the worst of them on top. Which of several equal ones stays follows from
 * the order of swaps, which are those of Go's `container/heap`, so that ties fall as in Prometheus.
 */
class WorstFirstHeap {
  readonly #indexes: Int32Array
  readonly #values: Float64Array
  /** 1 when larger is better, -1 when smaller is. */
  readonly #sign: 1 | -1
  #size = 0

  constructor(capacity: number, sign: 1 | -1) {
    this.#indexes = new Int32Array(capacity)
    this.#values = new Float64Array(capacity)
    this.#sign = sign
  }

  clear(): void {
    this.#size = 0
  }

  offer(index: number, value: number, limit: number): void {
    const key = this.#sign * value
    if (this.#size < limit) {
      this.#indexes[this.#size] = index
      this.#values[this.#size] = key
      this.#up(this.#size++)
      return
    }
    const worst = this.#values[0] as number // limit >= 1, so it is not empty
    if (worst < key || (worst !== worst && key === key)) {
      this.#indexes[0] = index
      this.#values[0] = key
      this.#down()
    }
  }

  /** The indexes kept, in no order. */
  members(): Int32Array {
    return this.#indexes.subarray(0, this.#size)
  }

  bestFirst(): number[] {
    const places = [...this.members().keys()]
    const value = (place: number) => this.#values[place] as number // place < size
    places.sort((a, b) => Number(isWorse(value(a), value(b))) - Number(isWorse(value(b), value(a))))
    return places.map((place) => this.#indexes[place] as number)
  }

  #up(start: number): void {
    let child = start
    while (child > 0) {
      const parent = (child - 1) >> 1
      if (!this.#isBefore(child, parent)) return
      this.#swap(child, parent)
      child = parent
    }
  }

  #down(): void {
    let parent = 0
    for (;;) {
      const left = 2 * parent + 1
      if (left >= this.#size) return
      const right = left + 1
      const child = right < this.#size && this.#isBefore(right, left) ? right : left
      if (!this.#isBefore(child, parent)) return
      this.#swap(child, parent)
      parent = child
    }
  }

  #isBefore(a: number, b: number): boolean {
    return isWorse(this.#values[a] as number, this.#values[b] as number) // both < size
  }

  #swap(a: number, b: number): void {
    const index = this.#indexes[a] as number // both < size
    const value = this.#values[a] as number
    this.#indexes[a] = this.#indexes[b] as number
    this.#values[a] = this.#values[b] as number
    this.#indexes[b] = index
    this.#values[b] = value
  }
}

/** NaN is worse than everything, itself included. */
function isWorse(a: number, b: number): boolean {
  return a !== a || a < b
}
