// One flush of the head: the list of chunks that go to partitions or to a checkpoint, in shared memory, where the writer thread
// reads it.

import type { Kernels, Pointer } from '../../src/kernels/kernels.ts'

/** The chunks of a flush. */
export type FlushTable = {
  readonly chunkCount: number
  /** Address of `chunkCount` entries of `entryBytes` bytes: ref u32, flags u32 (bit 0: out of order), min time f64, max time f64, data u32, data bytes u32, samples u32, and what checkpoints need. */
  readonly ptr: Pointer
  readonly entryBytes: 48
  readonly sampleCount: number
}

export type FlushPlan = FlushTable & {
  /** Greater than `maxTimeMs` when there is no chunk. */
  readonly minTimeMs: number
  readonly maxTimeMs: number
  /** No chunk belongs to a series above it. */
  readonly maxRef: number
}

/** The kernel's flush state behind a plan. */
export type Flush = { readonly plan: FlushPlan; readonly pointer: Pointer }

/** Reads a finished flush state; its layout is in assembly/upkeep/flush.ts. */
export function flushOf(kernels: Kernels, pointer: Pointer): Flush {
  const plan: FlushPlan = {
    ptr: kernels.word(pointer + 8),
    chunkCount: kernels.word(pointer + 12),
    entryBytes: 48,
    sampleCount: kernels.double(pointer + 40),
    minTimeMs: kernels.double(pointer + 24),
    maxTimeMs: kernels.double(pointer + 32),
    maxRef: kernels.exports.maxRef(),
  }
  return { plan, pointer }
}
