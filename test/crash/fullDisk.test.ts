// A disk that takes no more: nothing is acknowledged, queries and what was acknowledged stay, and when there is room again
// storage goes on by itself. A limit on the size of files stands in for the full disk; it is lifted while the process runs.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect, it } from 'vitest'
import { testDataDir } from '../helpers/testStorage.ts'
import { expectAllThere } from './expectAllThere.ts'

it('a full disk refuses samples until there is room, and loses none that it acknowledged', async () => {
  const dir = testDataDir()
  const child = spawn('prlimit', ['--fsize=150000:unlimited', process.execPath, 'test/crash/child.ts', dir], { stdio: ['ignore', 'pipe', 'pipe'] })
  const errors: Buffer[] = []
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
  const acknowledged: number[] = []
  const refused: string[] = []
  let afterRoom = 0
  let last = 0
  for await (const line of createInterface({ input: child.stdout })) {
    const [word, number] = line.split(/[ :]/)
    if (word === 'ack' || word === 'refused') last = Math.max(last, Number(number))
    if (word === 'ack') {
      acknowledged.push(Number(number))
      if (refused.length >= 20 && ++afterRoom === 50) child.kill('SIGKILL')
    } else if (word === 'refused') {
      refused.push(line)
      if (refused.length === 20) execFileSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited:unlimited'])
    }
  }
  if (child.signalCode === null) await once(child, 'exit')
  const log = Buffer.concat(errors).toString()
  expect(child.signalCode, log).toBe('SIGKILL')
  expect(acknowledged.length).toBeGreaterThan(55)
  expect(refused[0]).toMatch(/samples cannot be written: .*; free some disk space, storage goes on by itself/)
  expect(log).toContain('The disk refuses the sample log; samples are not acknowledged until it takes them')
  expect(log).toContain('The disk takes writes again; samples are acknowledged')
  await expectAllThere(dir, acknowledged, last + 400)
})
