import { Script } from 'node:vm'
import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'
import { optimizeSooner, startsWithUsualCounts } from './tierUp.ts'

const source = 'function one() { return 1 }; one()'

it('lets a starting thread use code that was compiled before, until its first message', async () => {
  const { cachedData } = new Script(source, { produceCachedData: true })
  const fits = () => new Script(source, { filename: `${Math.random()}.js`, ...(cachedData && { cachedData }) }).cachedDataRejected === false
  expect(fits()).toBe(true)
  optimizeSooner()
  expect(fits()).toBe(false)
  const [first, second] = [0, 1].map(() => new Worker("require('node:worker_threads').parentPort.on('message', () => process.exit())", { eval: true })) as [Worker, Worker]
  for (const thread of [first, second]) startsWithUsualCounts(thread)
  expect(fits()).toBe(true)
  const end = (thread: Worker) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    thread.once('exit', resolve)
    thread.postMessage('end')
    return promise
  }
  await end(first)
  expect(fits()).toBe(true)
  await end(second)
  expect(fits()).toBe(false)
})
