import { describe, expect, it } from 'vitest'
import { labelsFrom } from '../../storage/model/labels.ts'
import { openTestStorage, type TestStorage } from '../../test/helpers/testStorage.ts'
import type { ApiRequest } from '../answers/api.ts'
import { LazyQuickAnswers } from './lazyQuickAnswers.ts'

const timeMs = 1_700_000_000_000

/** Answers about one series `x` of value 1, and the generation of partitions that they have to know. */
const withAnswers = async (use: (answers: LazyQuickAnswers, generation: number) => Promise<void>) => {
  const storage: TestStorage = await openTestStorage()
  const appender = storage.appender()
  appender.append(labelsFrom({ __name__: 'x' }), timeMs, 1)
  await appender.commit()
  const init = storage.querierInit()
  const answers = new LazyQuickAnswers({
    querierInit: () => init,
    releaseWorker: (released) => storage.releaseWorker(released),
    features: new Set(),
    settings: { lookbackMs: 300_000, maxSamples: 1000, maxResultBytes: 0 },
  })
  answers.prepare()
  await use(answers, Atomics.load(new Int32Array(init.partitionsGeneration), 0))
  await answers.close()
  await storage.close()
}

/** The text of the answer, if it is given here. */
const ask = (answers: LazyQuickAnswers, query = 'x'): string | undefined => {
  const request: ApiRequest = { kind: 'instant', query, timeMs }
  const answer = answers.answer(request, { deadlineMs: Infinity, evaluationIntervalMs: 60_000, queueSeconds: 0 })
  return typeof answer === 'object' && answer.kind === 'response' ? Buffer.from(answer.body).toString() : undefined
}

// On a busy machine an evaluation may take longer than its budget, time and again.
const patience = { timeout: 20_000 }

describe('quick answers', () => {
  it('go by the newest view of the disk, in whatever order workers tell theirs while the engine loads', () =>
    withAnswers(async (answers, generation) => {
      answers.learn({ generation, plainFromMs: -Infinity, startsMs: [] })
      answers.learn({ generation: generation - 1, plainFromMs: Infinity, startsMs: [] })
      await expect.poll(() => ask(answers), patience).toContain('"value":[1700000000,"1"]')
    }))

  const heavy = ['count_values("v", x)', 'label_join(x, "a", "", "__name__", "__name__")']
  for (const query of heavy) {
    it(`leave to workers what may take long: ${query}`, () =>
      withAnswers(async (answers, generation) => {
        answers.learn({ generation, plainFromMs: -Infinity, startsMs: [] })
        await expect.poll(() => ask(answers), patience).toBeDefined()
        for (let times = 0; times < 10; times++) {
          await expect.poll(() => ask(answers), patience).toBeDefined()
          expect(ask(answers, query)).toBeUndefined()
        }
      }))
  }

  it('leave requests to workers when they have taken too much of the thread, for a while', () =>
    withAnswers(async (answers, generation) => {
      answers.learn({ generation, plainFromMs: -Infinity, startsMs: [] })
      await expect.poll(() => ask(answers), patience).toBeDefined()
      const untilMs = performance.now() + 10_000
      while (ask(answers) !== undefined) expect(performance.now()).toBeLessThan(untilMs)
      await expect.poll(() => ask(answers), patience).toBeDefined()
    }), 60_000)
})
