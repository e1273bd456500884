// kill -9 at named points and at random ones: opened again, everything that was acknowledged is there, once, and the
// check is clean.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { errorText } from '../../src/base/assert.ts'
import { testDataDir } from '../helpers/testStorage.ts'
import { expectAllThere } from './expectAllThere.ts'

type Run = { readonly acknowledged: readonly number[]; readonly killedAfter: string }

/** Starts the writer at `firstBatch` and kills it `afterMs` after it has said `point` for the `nth` time. */
async function runAndKill(dir: string, options: { firstBatch: number; point: string; nth: number; afterMs: number }): Promise<Run> {
  const child = spawn(process.execPath, ['test/crash/child.ts', dir, String(options.firstBatch)], { stdio: ['ignore', 'pipe', 'pipe'] })
  const errors: Buffer[] = []
  child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk))
  const acknowledged: number[] = []
  let seen = 0
  let last = ''
  let killing: Promise<void> | undefined
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('ack ')) acknowledged.push(Number(line.slice(4)))
    else last = line
    const isPoint = line === options.point || (options.point === 'ack' && line.startsWith('ack '))
    if (isPoint && ++seen === options.nth) killing ??= kill(child, options.afterMs)
  }
  await killing
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  expect(child.signalCode, Buffer.concat(errors).toString()).toBe('SIGKILL')
  return { acknowledged, killedAfter: last }
}

async function kill(child: ChildProcess, afterMs: number): Promise<void> {
  if (afterMs > 0) await delay(afterMs)
  child.kill('SIGKILL')
}

describe('kill -9', () => {
  const points: readonly (readonly [point: string, nth: number, afterMs: number])[] = [
    ['opening', 1, 30],
    ['ack', 1, 0],
    ['ack', 40, 0],
    ['flushing', 1, 0],
    ['flushing', 1, 4],
    ['flushing', 2, 10],
    ['compacting', 1, 0],
    ['compacting', 2, 3],
    ['compacting', 3, 8],
  ]
  for (const [point, nth, afterMs] of points) {
    it(`${afterMs} ms after "${point}" number ${nth} loses nothing`, async () => {
      const dir = testDataDir()
      const first = await runAndKill(dir, { firstBatch: 0, point, nth, afterMs })
      const next = Math.max(-1, ...first.acknowledged) + 20
      // Once more on what the first one left.
      const second = await runAndKill(dir, { firstBatch: next, point: 'ack', nth: 70, afterMs: 0 })
      await expectAllThere(dir, [...first.acknowledged, ...second.acknowledged], next + 400)
    })
  }

  it('at six random moments in a row, start-up included, loses nothing', async () => {
    const dir = testDataDir()
    const acknowledged: number[] = []
    let next = 0
    const moments: number[] = []
    for (let round = 0; round < 6; round++) {
      const afterMs = Math.floor(Math.random() * 700)
      moments.push(afterMs)
      const run = await runAndKill(dir, { firstBatch: next, point: 'opening', nth: 1, afterMs })
      acknowledged.push(...run.acknowledged)
      next = Math.max(next, ...run.acknowledged) + 20
    }
    await expectAllThere(dir, acknowledged, next + 400).catch((error: unknown) => {
      throw new Error(`killed after ${moments.join(', ')} ms: ${errorText(error)}`, { cause: error })
    })
  })
})
