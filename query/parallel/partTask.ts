// What the kernel for the series of a part, src/kernels/assembly/query/part.ts, is told to do: the functions that it has, and how a task lies
// in memory.

import type { Pointer } from '../../src/kernels/kernels.ts'
import type { TimeRange } from '../../storage/model/sample.ts'
import type { KernelReads } from '../../storage/querier/querier.ts'
import type { ColumnSpace } from '../values/columnSpace.ts'

/** What the kernel computes of windows. */
export type PartFunction =
  | { readonly kind: 'newest' }
  | { readonly kind: 'extrapolated'; readonly isCounter: boolean; readonly perSecond: boolean }
  | { readonly kind: 'lastTwo'; readonly isRate: boolean }
  | { readonly kind: 'sums'; readonly isMean: boolean }
  | { readonly kind: 'extremes'; readonly sign: 1 | -1 }

const partFunctions: Readonly<Record<string, PartFunction>> = {
  avg_over_time: { kind: 'sums', isMean: true },
  delta: { kind: 'extrapolated', isCounter: false, perSecond: false },
  idelta: { kind: 'lastTwo', isRate: false },
  increase: { kind: 'extrapolated', isCounter: true, perSecond: false },
  irate: { kind: 'lastTwo', isRate: true },
  max_over_time: { kind: 'extremes', sign: 1 },
  min_over_time: { kind: 'extremes', sign: -1 },
  rate: { kind: 'extrapolated', isCounter: true, perSecond: true },
  sum_over_time: { kind: 'sums', isMean: false },
}

/** That of a function, or of a selector, which has none; `undefined` when the kernel does not know the function. */
export function partFunctionOf(name: string | undefined): PartFunction | undefined {
  return name === undefined ? { kind: 'newest' } : partFunctions[name]
}

/** What the kernel is to do with series. */
export type PartTask = {
  readonly partFunction: PartFunction
  /** See `KernelReads`. */
  readonly state: Pointer
  readonly windows: Pointer
  readonly range: TimeRange
  readonly widthMs: number
  /** u32 per series. */
  readonly refs: Pointer
  /** An accumulation's, or 0 to keep the columns of every series from `values` and `present` on. */
  readonly operation: number
  readonly values: Pointer
  readonly present: Pointer
  /** See `SeriesWork`. */
  readonly found: Pointer
  readonly seen: Pointer
  readonly held: Pointer
  readonly maxSamplesAtOnce: number
}

/** Layout of a task, as in the kernel. */
export const taskBytes = 104
const partitionsAt = 12
export const scratchAt = 52
export const isEmptyAt = 64
export const needAt = 68
/** What the kernel may need. */
export const needs = { entry: 1, columns: 2, scratch: 3, windows: 4 } as const

/** Writes a task without partitions. */
export function writeTask(space: ColumnSpace, at: Pointer, task: PartTask): void {
  const { partFunction, state, windows, range, widthMs, refs, operation, values, present, found, seen, held, maxSamplesAtOnce } = task
  const { code, variant } = codeOf(partFunction)
  const most = Math.min(maxSamplesAtOnce, 0x7fffffff)
  space.wordsAt(at, 20).set([state, windows, refs, 0, 0, code, variant, operation, values, present, found, seen, held, 0, 0, most, 0, 0, 0, 0])
  const divisor = partFunction.kind === 'extrapolated' && partFunction.perSecond ? widthMs / 1000 : 1
  space.doublesAt(at + 80, 3).set([range.minTimeMs, range.maxTimeMs, divisor])
}

/** Gives a task the partitions it reads, in a list that `allocate` makes room for. */
export function setPartitions(space: ColumnSpace, at: Pointer, reads: KernelReads, allocate: (bytes: number) => Pointer): void {
  const lists = reads.lists()
  const listAt = allocate(8 * lists.length)
  space.wordsAt(listAt, 2 * lists.length).set(lists.flatMap(({ entries, hasOutOfOrder }) => [entries, hasOutOfOrder ? 1 : 0]))
  space.wordsAt(at + partitionsAt, 2).set([listAt, lists.length])
}

function codeOf(partFunction: PartFunction): { readonly code: number; readonly variant: number } {
  switch (partFunction.kind) {
    case 'newest':
      return { code: 0, variant: 0 }
    case 'extrapolated':
      return { code: 1, variant: partFunction.isCounter ? 1 : 0 }
    case 'lastTwo':
      return { code: 2, variant: partFunction.isRate ? 1 : 0 }
    case 'sums':
      return { code: 3, variant: partFunction.isMean ? 1 : 0 }
    case 'extremes':
      return { code: 4, variant: partFunction.sign }
  }
}
