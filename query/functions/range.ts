// The shape of functions over range vectors: a kernel gets the samples of one series and, per step, which of them are in
// the window, and writes one column. Samples of overlapping windows are looked at once where the function allows it.

import type { CallExpr } from '../language/ast.ts'
import type { EvalContext } from '../values/value.ts'

/** Samples of one series and the windows over them; staleness markers are gone. Reused between calls: do not keep. */
export type WindowColumns = {
  readonly length: number
  readonly timestampsMs: Float64Array
  readonly values: Float64Array
  /** At step i the window is the samples [from[i], to[i]); both ascend. */
  readonly from: Int32Array
  readonly to: Int32Array
  /** The end of the window in time: the step after `offset` and `@`. The window begins `rangeMs` before, exclusive. */
  readonly windowEndMs: Float64Array
  readonly rangeMs: number
}

export type RangeOutput = { readonly values: Float64Array; readonly present: Uint8Array }

/**
 * `args` are the scalar arguments in order, one value per step. `out.present` is all 0 before; the kernel sets 1 where it
 * writes a value.
 */
export type RangeKernel = (window: WindowColumns, args: readonly Float64Array[], out: RangeOutput, context: EvalContext, call: CallExpr) => void

/** A kernel that computes each window by itself from its first `least` samples on. */
export function perWindow(least: number, compute: (window: WindowColumns, from: number, to: number) => number): RangeKernel {
  return (window, _args, { values, present }, context) => {
    const { from, to } = window
    const look = lookNowAndThen(context)
    for (let step = 0; step < values.length; step++) {
      const first = from[step] as number // one entry per step
      const end = to[step] as number
      if (end - first < least) continue
      look(end - first)
      values[step] = compute(window, first, end)
      present[step] = 1
    }
  }
}

/** So many samples in windows may go by between two looks whether anybody still waits: some tens of milliseconds. */
const samplesPerLook = 1 << 20

/** To be called with the number of samples of each window. */
export function lookNowAndThen(context: EvalContext): (samples: number) => void {
  let seen = 0
  return (samples) => {
    seen += samples
    if (seen < samplesPerLook) return
    seen = 0
    context.check()
  }
}

/** Working memory of a kernel, at least `length` long, with anything in it. Used up before the kernel returns. */
export class Scratch {
  #column = new Float64Array(0)

  reserve(length: number): Float64Array {
    if (this.#column.length < length) this.#column = new Float64Array(Math.max(length, 2 * this.#column.length))
    return this.#column
  }
}
