// How many series have ended, for limits on the number of series, as main counts them: a millisecond of it between other work.

import type { Kernels } from '../../src/kernels/kernels.ts'

/** A series without a sample for as long has ended. */
const activeMs = 3_600_000

/** Series looked at between two turns of the event loop. */
const seriesPerStep = 32_768

/** Counts, as of a time, in all and for each value of the label `job`. A removal of series meanwhile makes the count void. */
export async function countEndedSeries(kernels: Kernels, nowMs: number): Promise<void> {
  const { exports } = kernels
  const before = nowMs - activeMs
  const forgotten = exports.forgottenCount()
  const total = await inSteps(exports.maxRef() + 1, (from, to) => exports.countEnded(from, to, before))
  const ended: { readonly pair: number; readonly count: number }[] = []
  for (const pair of jobPairs(kernels)) {
    const known = Number(exports.pairPostings(pair) >> 32n)
    const count = await inSteps(known, (from, to) => exports.countEndedOf(pair, from, to, before))
    if (count > 0) ended.push({ pair, count })
  }
  if (exports.forgottenCount() !== forgotten) return
  exports.setEnded(total)
  for (const { pair, count } of ended) exports.setEndedOfJob(pair, count)
}

async function inSteps(length: number, count: (from: number, to: number) => number): Promise<number> {
  let sum = 0
  for (let from = 0; from < length; from += seriesPerStep) {
    sum += count(from, Math.min(length, from + seriesPerStep))
    await new Promise((resolve) => setImmediate(resolve))
  }
  return sum
}

/** The label pairs with the name `job`. */
function jobPairs(kernels: Kernels): number[] {
  const { exports } = kernels
  const text = Buffer.from('job')
  const scratch = exports.scratch(text.length)
  kernels.bytes.set(text, scratch)
  const symbol = exports.findSymbol(scratch, text.length)
  const name = symbol === 0 ? 0 : exports.findName(symbol)
  if (name === 0) return []
  // A vector of one has the element itself in place of the pointer.
  const values = exports.nameValues(name)
  const pointer = Number(values & 0xffff_ffffn)
  const count = Number((values >> 32n) & 0xffff_ffffn)
  return count === 1 ? [pointer] : Array.from({ length: count }, (_, i) => kernels.word(pointer + 4 * i))
}
