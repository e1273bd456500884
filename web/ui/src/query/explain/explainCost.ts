// Where the time of an explained query went: of each part its own share, without the parts below it.

import type { Explained, QueryStats } from '../../api/shapes.ts'

export type PlanRow = {
  readonly part: Explained
  readonly depth: number
  /** Of the whole query, 0 to 1: what the part itself took, and what the parts below it did. */
  readonly ownShare: number
  readonly belowShare: number
  /** Its time is that of the function above it, which reads for it. */
  readonly isReadAbove: boolean
  /** Of all samples that were read, 0 to 1. */
  readonly samplesShare: number
}

export type PlanCost = {
  readonly rows: readonly PlanRow[]
  readonly samplesRead: number
  readonly chunksDecoded: number
  /** The row that took most of the time by itself. */
  readonly costliest: PlanRow | undefined
}

/** In the order of reading, parents before their parts. */
export function planCost(plan: Explained): PlanCost {
  const samplesRead = sumOf(plan, (part) => part.samplesRead)
  const rows = rowsOf(plan, { depth: 0, totalSeconds: plan.seconds, samplesRead })
  const costliest = rows.reduce<PlanRow | undefined>((most, row) => (row.ownShare > (most?.ownShare ?? 0) ? row : most), undefined)
  return { rows, samplesRead, chunksDecoded: sumOf(plan, (part) => part.chunksDecoded), costliest }
}

function rowsOf(part: Explained, at: { readonly depth: number; readonly totalSeconds: number; readonly samplesRead: number }): PlanRow[] {
  const share = (seconds: number) => (at.totalSeconds > 0 ? Math.min(1, Math.max(0, seconds / at.totalSeconds)) : 0)
  const belowSeconds = Math.min(part.seconds, part.children.reduce((sum, child) => sum + child.seconds, 0))
  const row: PlanRow = {
    part,
    depth: at.depth,
    ownShare: share(part.seconds - belowSeconds),
    belowShare: share(belowSeconds),
    isReadAbove: part.node === 'windows',
    samplesShare: at.samplesRead > 0 ? part.samplesRead / at.samplesRead : 0,
  }
  return [row, ...part.children.flatMap((child) => rowsOf(child, { ...at, depth: at.depth + 1 }))]
}

function sumOf(part: Explained, of: (part: Explained) => number): number {
  return part.children.reduce((sum, child) => sum + sumOf(child, of), of(part))
}

/** Where the time of the request that explained a query went; together it is all of `tookSeconds`. */
export function requestTimes(timings: QueryStats['timings'], tookSeconds: number): readonly { readonly name: string; readonly seconds: number }[] {
  return [
    { name: 'Waiting for a worker', seconds: timings.execQueueTime },
    { name: 'Looking up series', seconds: timings.queryPreparationTime },
    { name: 'Evaluating', seconds: timings.innerEvalTime },
    // Also sorting.
    { name: 'Printing, network and browser', seconds: Math.max(0, tookSeconds - timings.execQueueTime - timings.queryPreparationTime - timings.innerEvalTime) },
  ]
}
