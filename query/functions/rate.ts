// `rate`, `increase`, `delta`, their instant forms, `resets` and `changes`.

import type { Pointer } from '../../src/kernels/kernels.ts'
import { type Labels, labelValue, metricNameLabel, typeLabel } from '../../storage/model/labels.ts'
import type { Annotations } from '../annotations.ts'
import { goQuote } from '../language/stringLiteral.ts'
import { Scratch, type RangeKernel } from './range.ts'

export const rate = extrapolated({ isCounter: true, perSecond: true })
export const increase = extrapolated({ isCounter: true, perSecond: false })
export const delta = extrapolated({ isCounter: false, perSecond: false })

type Prepared = { readonly from: Int32Array; readonly rangeMs: number; readonly divisor: number; readonly at: Pointer }

/** By the address of windows, the part that depends on timestamps alone: several sets of windows are in use in turn. */
const preparedAt = new Map<Pointer, Prepared>()
const maxPrepared = 256

/** The difference of last and first sample, stretched to the ends of the window where the samples suggest it reaches them. */
function extrapolated({ isCounter, perSecond }: { readonly isCounter: boolean; readonly perSecond: boolean }): RangeKernel {
  return (window, _args, out, { space }) => {
    const { length, timestampsMs, values, from, to, windowEndMs, rangeMs } = window
    const { exports } = space
    const count = out.values.length
    const divisor = perSecond ? rangeMs / 1000 : 1
    const fromAt = space.place('from', from, count)
    const toAt = space.place('to', to, count)
    let prepared = preparedAt.get(fromAt)
    if (prepared?.from !== from || prepared.rangeMs !== rangeMs || prepared.divisor !== divisor) {
      const startMs = windowEndMs[0] ?? 0
      const stepMs = (windowEndMs[1] ?? startMs) - startMs
      const at = space.slot(`extrapolation of ${fromAt}`, exports.extrapolationBytes(count))
      exports.prepareExtrapolation(space.place('times', timestampsMs, length), fromAt, toAt, count, startMs, stepMs, rangeMs, divisor, at)
      prepared = { from, rangeMs, divisor, at }
      if (preparedAt.size >= maxPrepared) preparedAt.clear()
      preparedAt.set(fromAt, prepared)
    }
    const valuesAt = space.place('values', values, length)
    const breaksAt = space.slot('breaks', 4 * length)
    exports.extrapolate(valuesAt, length, fromAt, toAt, count, prepared.at, isCounter ? 1 : 0, divisor, breaksAt, space.addressOf(out.values), space.addressOf(out.present))
  }
}

export const irate: RangeKernel = lastTwo(1)
export const idelta: RangeKernel = lastTwo(0)

function lastTwo(isRate: 0 | 1): RangeKernel {
  return ({ length, timestampsMs, values, from, to }, _args, out, { space }) => {
    const count = out.values.length
    const timesAt = space.place('times', timestampsMs, length)
    const valuesAt = space.place('values', values, length)
    const toAt = space.place('to', to, count)
    space.exports.lastTwo(timesAt, valuesAt, space.place('from', from, count), toAt, count, isRate, space.addressOf(out.values), space.addressOf(out.present))
  }
}

export const resets = countingSteps((value, previous) => value < previous)
export const changes = countingSteps((value, previous) => value !== previous && !(value !== value && previous !== previous))

const scratch = new Scratch()

/** How often `counts` holds between neighbours of the window. */
function countingSteps(counts: (value: number, previous: number) => boolean): RangeKernel {
  return ({ length, values, from, to }, _args, out) => {
    const upTo = scratch.reserve(length)
    upTo[0] = 0
    for (let i = 1; i < length; i++) upTo[i] = (upTo[i - 1] as number) + (counts(values[i] as number, values[i - 1] as number) ? 1 : 0)
    for (let step = 0; step < out.values.length; step++) {
      const first = from[step] as number // one entry per step
      const end = to[step] as number
      if (end === first) continue
      out.values[step] = (upTo[end - 1] as number) - (upTo[first] as number)
      out.present[step] = 1
    }
  }
}

/** The note on `rate` and `increase` of a metric whose type or, without one, whose name does not say that it counts. */
export function notePossibleNonCounter(labels: Labels, annotations: Annotations, position: number): void {
  const name = labelValue(labels, metricNameLabel)
  const type = labelValue(labels, typeLabel)
  if (name !== '' && type !== '') {
    if (type === 'counter' || type === 'histogram') return
    return annotations.info(`metric might not be a counter, __type__ label is not set to "counter" or "histogram", got ${goQuote(type)}: ${goQuote(name)}`, position)
  }
  if (name === '' || /_(?:total|sum|count|bucket)$/.test(name)) return
  annotations.info(`metric might not be a counter, name does not end in _total/_sum/_count/_bucket: ${goQuote(name)}`, position)
}
