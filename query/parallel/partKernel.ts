// The series of a part of a divided query in one call of a kernel, src/kernels/assembly/query/part.ts, for selectors and for functions
// that are kernels themselves. What the kernel asks for in between, chunks from disk and memory, it gets here.

import type { Pointer } from '../../src/kernels/kernels.ts'
import type { TimeRange } from '../../storage/model/sample.ts'
import type { KernelReads } from '../../storage/querier/querier.ts'
import type { Windows } from '../selectors/window.ts'
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

export type PartKernelOptions = {
  readonly space: ColumnSpace
  readonly reads: KernelReads
  readonly windows: Windows
  readonly partFunction: PartFunction
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

/** Layout of the task, as in the kernel. */
const taskBytes = 104
const partitionsAt = 12
const scratchAt = 52
const isEmptyAt = 64
const needAt = 68
/** What the kernel may need. */
const needs = { entry: 1, columns: 2, scratch: 3, windows: 4 } as const

export class PartKernel {
  readonly #space: ColumnSpace
  readonly #reads: KernelReads
  readonly #windows: Windows
  readonly #task: Pointer

  constructor(options: PartKernelOptions) {
    const { space, reads, windows, partFunction, range, widthMs, refs, operation, values, present, found, seen, held, maxSamplesAtOnce } = options
    this.#space = space
    this.#reads = reads
    this.#windows = windows
    this.#task = space.allocate(taskBytes)
    const { code, variant } = codeOf(partFunction)
    const most = Math.min(maxSamplesAtOnce, 0x7fffffff)
    space.wordsAt(this.#task, 20).set([reads.state, windows.at, refs, 0, 0, code, variant, operation, values, present, found, seen, held, 0, 0, most, 0, 0, 0, 0])
    const divisor = partFunction.kind === 'extrapolated' && partFunction.perSecond ? widthMs / 1000 : 1
    space.doublesAt(this.#task + 80, 3).set([range.minTimeMs, range.maxTimeMs, divisor])
    this.#setPartitions()
  }

  /** Evaluates the series from `from` to `to` into the accumulator, when there is one; leaves off before one that takes another way, or when `goesOn` says so. */
  run(from: number, to: number, accumulator: Pointer, goesOn: () => boolean): void {
    const { exports } = this.#space
    this.#set(isEmptyAt, 1)
    for (let index = from; goesOn(); ) {
      index = exports.evaluatePart(this.#task, index, to, accumulator)
      if (index === to || !this.#provide(index)) return
    }
  }

  #provide(index: number): boolean {
    const [need = 0, amount = 0] = this.#space.wordsAt(this.#task + needAt, 2)
    switch (need) {
      case needs.entry:
        if (!this.#reads.load(index, amount)) return false
        this.#setPartitions()
        return true
      case needs.columns:
        this.#reads.reserve(amount)
        return true
      case needs.scratch:
        this.#set(scratchAt, this.#space.slot('scratch of a part', 16 * amount), amount)
        return true
      case needs.windows:
        this.#windows.grow(amount)
        return true
      default:
        return false
    }
  }

  #setPartitions(): void {
    const lists = this.#reads.lists()
    const at = this.#space.slot('partitions of a part', 8 * lists.length)
    this.#space.wordsAt(at, 2 * lists.length).set(lists.flatMap(({ entries, hasOutOfOrder }) => [entries, hasOutOfOrder ? 1 : 0]))
    this.#set(partitionsAt, at, lists.length)
  }

  #set(offset: number, ...words: readonly number[]): void {
    this.#space.wordsAt(this.#task + offset, words.length).set(words)
  }
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
