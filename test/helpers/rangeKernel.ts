// Runs a range function over the samples of one series alone, and says which samples are in each window, for tests that
// compare it with each window computed by itself.

import { Annotations } from '../../query/annotations.ts'
import type { RangeKernel } from '../../query/functions/range.ts'
import type { CallExpr } from '../../query/language/ast.ts'
import { Windows, type LookupTimes } from '../../query/selectors/window.ts'
import { createColumnSpace } from '../../query/values/columnSpace.ts'
import type { EvalContext } from '../../query/values/value.ts'

export type Samples = { readonly timestampsMs: Float64Array; readonly values: Float64Array; readonly length: number }

const space = createColumnSpace()
const call: CallExpr = { kind: 'call', name: '', args: [], position: { start: 0, end: 0 } }

/** Per step the value, `undefined` where there is none. */
export function overWindows(kernel: RangeKernel, samples: Samples, times: LookupTimes, rangeMs: number): (number | undefined)[] {
  space.reset()
  const { startMs, stepMs, count } = times
  const windows = new Windows(space, times, rangeMs)
  windows.slideOver(samples)
  const windowEndMs = Float64Array.from({ length: count }, (_, step) => startMs + step * stepMs)
  const context: EvalContext = { space, steps: times, query: { startMs, endMs: startMs, stepMs }, annotations: new Annotations(), instant: false, check() {}, allow() {} }
  const out = space.columns(count)
  kernel({ ...samples, from: windows.from, to: windows.to, windowEndMs, rangeMs }, [], out, context, call)
  return Array.from(out.values, (value, step) => (out.present[step] === 1 ? value : undefined))
}

/** Indexes of the samples in the window of each step. */
export function windowsOf({ timestampsMs, length }: Samples, { startMs, stepMs, count }: LookupTimes, rangeMs: number): number[][] {
  const indexes = Array.from({ length }, (_, index) => index)
  return Array.from({ length: count }, (_, step) => {
    const endMs = startMs + step * stepMs
    return indexes.filter((index) => (timestampsMs[index] ?? 0) > endMs - rangeMs && (timestampsMs[index] ?? 0) <= endMs)
  })
}
