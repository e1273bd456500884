// Does kill -9 lose an acknowledged sample? A process that writes, flushes, compacts and starts again on the same directory
// is killed a hundred times, each time at a random moment; then every acknowledged sample is looked for.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { killRepeatedly } from '../test/crash/killedRun.ts'
import { findLosses } from '../test/crash/losses.ts'
import { createRandom } from '../test/helpers/random.ts'
import { formatCount, printTable } from './measure/table.ts'

const kills = 100
/** From the start of the process: some die while they start, most while they write. */
const maxMs = 2500

/** Runs the bench and prints the table. */
export async function benchKill(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'solowatch-bench-'))
  const random = createRandom()
  try {
    const { acknowledged, nextBatch } = await killRepeatedly(dir, kills, { maxMs, below: random.below })
    const { missing, invented, checked, problems } = await findLosses(dir, acknowledged, nextBatch)
    printTable(
      `kill -9: ${kills} times at random (seed ${random.seed})`,
      ['', 'samples'],
      [
        ['acknowledged', formatCount(checked)],
        ['of those lost', String(missing.length)],
        ['there but never written', String(invented.length)],
        ['problems the check finds', String(problems.length)],
      ],
    )
    for (const line of [...missing, ...invented, ...problems].slice(0, 10)) console.log(line)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
