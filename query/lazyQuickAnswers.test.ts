import { expect, it } from 'vitest'
import { labelsFrom } from '../storage/labels.ts'
import { openTestStorage } from '../test/helpers/testStorage.ts'
import type { ApiRequest } from './api.ts'
import { LazyQuickAnswers } from './lazyQuickAnswers.ts'

it('answers by the newest view of the disk, in whatever order workers tell theirs while it loads', async () => {
  const timeMs = 1_700_000_000_000
  const storage = await openTestStorage()
  const appender = storage.appender()
  appender.append(labelsFrom({ __name__: 'x' }), timeMs, 1)
  await appender.commit()
  const init = storage.querierInit()
  const [generation = NaN] = new Int32Array(init.partitionsGeneration)
  const quick = new LazyQuickAnswers({
    querierInit: () => init,
    releaseWorker: (init) => storage.releaseWorker(init),
    features: new Set(),
    settings: { lookbackMs: 300_000, maxSamples: 1000, maxResultBytes: 0 },
  })
  const request: ApiRequest = { kind: 'instant', query: 'x', timeMs }
  const ask = () => {
    const answer = quick.answer(request, { deadlineMs: Infinity, evaluationIntervalMs: 60_000, queueSeconds: 0 })
    return typeof answer === 'object' && answer.kind === 'response' ? Buffer.from(answer.body).toString() : undefined
  }

  quick.prepare()
  quick.learn({ generation, plainFromMs: -Infinity, startsMs: [] })
  quick.learn({ generation: generation - 1, plainFromMs: Infinity, startsMs: [] })

  // On a busy machine it may take longer than its budget, time and again.
  await expect.poll(ask, { timeout: 20_000 }).toContain('"value":[1700000000,"1"]')
  await quick.close()
  await storage.close()
})
