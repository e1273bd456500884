// The order of an instant query's result: `sort`, `sort_desc`, `sort_by_label`, `sort_by_label_desc`. A range query is
// ordered by labels whatever it asks for, and says so.

import { compareLabels, labelValue } from '../../storage/model/labels.ts'
import type { VectorSeries } from '../values/value.ts'
import { stringArg, vectorArg, type InstantFunction } from './elementwise.ts'

type Order = (a: VectorSeries, b: VectorSeries) => number

function sorting(orderOf: (args: Parameters<InstantFunction>[0]) => Order): InstantFunction {
  return (args, call, { instant, annotations }) => {
    const vector = vectorArg(args, 0)
    if (!instant) {
      annotations.warn('sort is ineffective for range queries since results are always ordered by labels', call.position.start)
      return vector
    }
    const present = vector.series.filter((one) => one.present[0] === 1)
    return { kind: 'vector', series: present.sort(orderOf(args)) }
  }
}

/** NaN comes last in either direction. */
function byValue(sign: 1 | -1): Order {
  return (a, b) => {
    const x = a.values[0] as number // an instant query has one step
    const y = b.values[0] as number
    if (x !== x || y !== y) return Number(x !== x) - Number(y !== y)
    return x === y ? 0 : sign * (x < y ? -1 : 1)
  }
}

export const sort = sorting(() => byValue(1))
export const sortDesc = sorting(() => byValue(-1))
export const sortByLabel = sorting((args) => byLabels(labelNames(args), 1))
export const sortByLabelDesc = sorting((args) => byLabels(labelNames(args), -1))

function labelNames(args: Parameters<InstantFunction>[0]): readonly string[] {
  return args.slice(1).map((_, index) => stringArg(args, index + 1))
}

function byLabels(names: readonly string[], sign: 1 | -1): Order {
  return (a, b) => {
    for (const name of names) {
      const x = labelValue(a.labels, name)
      const y = labelValue(b.labels, name)
      if (x !== y) return sign * compareNaturally(x, y)
    }
    return sign * compareLabels(a.labels, b.labels)
  }
}

/** Runs of digits count as numbers: `node2` before `node10`. */
function compareNaturally(a: string, b: string): number {
  const partsA = a.match(/\d+|\D+/g) ?? []
  const partsB = b.match(/\d+|\D+/g) ?? []
  for (let i = 0; i < Math.min(partsA.length, partsB.length); i++) {
    const x = partsA[i] as string // i < both lengths
    const y = partsB[i] as string
    const bothNumbers = /^\d/.test(x) && /^\d/.test(y)
    if (bothNumbers ? Number(x) === Number(y) : x === y) continue
    if (bothNumbers) return Number(x) < Number(y) ? -1 : 1
    return x < y ? -1 : 1
  }
  return partsA.length - partsB.length
}
