// Removal of series that nothing is left of, as main drives it: a few milliseconds of it between other work.

import type { Kernels } from '../../src/kernels/kernels.ts'

/** Table entries, list elements and the like looked at between two turns of the event loop: about a millisecond. */
const stepBudget = 20_000

/** The most refs that one pass covers; each is a bit. */
const refsPerPass = 2 ** 23

/** Candidates handed over at a time. */
const candidatesPerStep = 4096

/**
 * `refs` ascend; nothing on disk belongs to them. Those without samples in memory that nobody holds are removed, with
 * labels and postings. Afterwards no series has the `gone` refs; some had none before either, so `removedCount` may be less.
 */
export async function forgetSeries(kernels: Kernels, refs: Uint32Array): Promise<{ readonly gone: Uint32Array; readonly removedCount: number }> {
  const { exports } = kernels
  const isGone = (ref: number) => exports.hasSeries(ref) === 0
  const goneBefore = refs.filter(isGone).length
  for (let start = 0; start < refs.length; ) {
    const from = Math.floor((refs[start] ?? 0) / 32) * 32
    let end = start
    while (end < refs.length && (refs[end] ?? 0) - from < refsPerPass) end++
    await forgetPass(kernels, refs.subarray(start, end), from)
    start = end
  }
  const gone = refs.filter(isGone)
  return { gone, removedCount: gone.length - goneBefore }
}

async function forgetPass(kernels: Kernels, refs: Uint32Array, from: number): Promise<void> {
  const { exports } = kernels
  const forget = exports.newForget(from, (refs.at(-1) ?? 0) - from + 1)
  try {
    for (let at = 0; at < refs.length; at += candidatesPerStep) {
      const some = refs.subarray(at, at + candidatesPerStep)
      const scratch = exports.scratch(4 * some.length)
      kernels.words.set(some, scratch / 4)
      exports.addCandidates(scratch, some.length)
      await nextTurn()
    }
    while (exports.forgetStep(forget, stepBudget) === 0) await nextTurn()
  } finally {
    exports.freeForget(forget)
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
