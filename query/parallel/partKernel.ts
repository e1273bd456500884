// The series of a part of a divided query in one call of a kernel, src/kernels/assembly/query/part.ts, for selectors and for functions
// that are kernels themselves. What the kernel asks for in between, chunks from disk and memory, it gets here.

import type { Pointer } from '../../src/kernels/kernels.ts'
import type { KernelReads } from '../../storage/querier/querier.ts'
import type { Windows } from '../selectors/window.ts'
import type { ColumnSpace } from '../values/columnSpace.ts'
import { isEmptyAt, needAt, needs, scratchAt, setPartitions, taskBytes, writeTask, type PartTask } from './partTask.ts'

export type PartKernelOptions = Omit<PartTask, 'state' | 'windows'> & { readonly space: ColumnSpace; readonly reads: KernelReads; readonly windows: Windows }

export class PartKernel {
  readonly #space: ColumnSpace
  readonly #reads: KernelReads
  readonly #windows: Windows
  readonly #task: Pointer

  constructor(options: PartKernelOptions) {
    const { space, reads, windows } = options
    this.#space = space
    this.#reads = reads
    this.#windows = windows
    this.#task = space.allocate(taskBytes)
    writeTask(space, this.#task, { ...options, state: reads.state, windows: windows.at })
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
    setPartitions(this.#space, this.#task, this.#reads, (bytes) => this.#space.slot('partitions of a part', bytes))
  }

  #set(offset: number, ...words: readonly number[]): void {
    this.#space.wordsAt(this.#task + offset, words.length).set(words)
  }
}
