// Runs of the writer (child.ts) that end with kill -9: at a named point inside storage (killPoint.ts) or some time after a
// line of its output.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'

/** Where the process dies. */
export type KillAt =
  /** As killPoint.ts reads it. */
  | { readonly point: string }
  /** Some time after the nth line that begins with `line`. */
  | { readonly line: string; readonly nth: number; readonly afterMs: number }

export type KilledRun = {
  readonly acknowledged: readonly number[]
  /** How it ended, SIGKILL when all went as it should. */
  readonly signal: NodeJS.Signals | null
  readonly log: string
}

export type RunOptions = { readonly dir: string; readonly firstBatch: number; readonly retentionDays?: number; readonly killAt: KillAt; readonly maxBatches?: number }

/** Writes batches from `firstBatch` on until it is killed, or until `maxBatches` are written when its point never comes. */
export async function runAndKill({ dir, firstBatch, retentionDays = 0, killAt, maxBatches = Infinity }: RunOptions): Promise<KilledRun> {
  const preload = 'point' in killAt ? ['--import', './test/crash/killPoint.ts'] : []
  const child = spawn(process.execPath, [...preload, 'test/crash/child.ts', dir, String(firstBatch), String(firstBatch + maxBatches), String(retentionDays)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, KILL_AT: 'point' in killAt ? killAt.point : '' },
  })
  const errors: Buffer[] = []
  child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk))
  const acknowledged: number[] = []
  let seen = 0
  let killing: Promise<void> | undefined
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('ack ')) acknowledged.push(Number(line.slice(4)))
    if ('line' in killAt && line.startsWith(killAt.line) && ++seen === killAt.nth) killing ??= kill(child, killAt.afterMs)
  }
  await killing
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return { acknowledged, signal: child.signalCode, log: Buffer.concat(errors).toString() }
}

async function kill(child: ChildProcess, afterMs: number): Promise<void> {
  if (afterMs > 0) await delay(afterMs)
  child.kill('SIGKILL')
}

export type KillSeries = { readonly acknowledged: readonly number[]; readonly nextBatch: number }

/**
 * Kills the writer again and again on one directory, by turns some time after its first acknowledgement and some time
 * after its very start. Fails when one ends by itself.
 */
export async function killRepeatedly(dir: string, times: number, options: { readonly maxMs: number; readonly below: (limit: number) => number }): Promise<KillSeries> {
  const acknowledged: number[] = []
  let nextBatch = 0
  for (let round = 0; round < times; round++) {
    const afterMs = options.below(options.maxMs)
    const line = round % 2 === 0 ? 'ack' : 'opening'
    const run = await runAndKill({ dir, firstBatch: nextBatch, killAt: { line, nth: 1, afterMs } })
    if (run.signal !== 'SIGKILL') throw new Error(`round ${round} ended by itself: ${run.log}`)
    acknowledged.push(...run.acknowledged)
    // What was under way when it died may be there or not: those numbers are not used again.
    nextBatch = Math.max(nextBatch, ...run.acknowledged) + 20
  }
  return { acknowledged, nextBatch }
}
