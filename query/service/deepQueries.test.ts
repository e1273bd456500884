// Queries that are nested as deep as is allowed are evaluated by a worker that has just started, whose code is not optimised yet and needs
// most of the stack; those that are deeper are refused by the parser.

import { describe, expect, it } from 'vitest'
import { startQueryService } from '../../test/helpers/queryService.ts'
import { openTestStorage } from '../../test/helpers/testStorage.ts'
import type { ApiRequest } from '../answers/api.ts'
import { maxDepth } from '../language/depth.ts'

type Answer = { readonly status: number; readonly error: string | undefined }

/** Asks a worker that starts with the first request. */
async function withWorker(use: (ask: (request: ApiRequest) => Promise<Answer>) => Promise<void>): Promise<void> {
  const storage = await openTestStorage()
  const service = startQueryService(storage, { workers: 1 })
  try {
    await use(async (request) => {
      const { status, body } = await service.respond(request)
      return { status, error: (JSON.parse(Buffer.from(body).toString()) as { error?: string }).error }
    })
  } finally {
    await service.close()
    await storage.close()
  }
}

const row = (text: string, between: string) => (count: number) => Array<string>(count).fill(text).join(between)

/** Each with a tree of about `depth` levels. */
const deep: Readonly<Record<string, (depth: number) => string>> = {
  'a sum of numbers': row('1', '+'),
  'a sum of selectors': row('up', ' + '),
  'a row of or': row('up', ' or '),
  'powers': row('2', '^'),
  'signs': (depth) => `${'-'.repeat(depth - 1)}up`,
  'a sum of durations': (depth) => `rate(up[${row('1m', '+')(depth - 2)}])`,
}

describe('a query that is nested', () => {
  for (const [name, textOf] of Object.entries(deep)) {
    it(`is answered as deep as may be, and refused beyond: ${name}`, () =>
      withWorker(async (ask) => {
        const answered = { status: 200, error: undefined }
        const query = textOf(maxDepth)
        expect(await ask({ kind: 'range', query, startMs: 0, endMs: 100_000, stepMs: 1_000 })).toEqual(answered)
        expect(await ask({ kind: 'instant', query, timeMs: 0 })).toEqual(answered)
        expect(await ask({ kind: 'formatQuery', query })).toEqual(answered)
        expect(await ask({ kind: 'parseQuery', query })).toEqual(answered)
        const { status, error } = await ask({ kind: 'instant', query: textOf(maxDepth + 3), timeMs: 0 })
        expect(status).toBe(400)
        expect(error).toMatch(/^invalid parameter "query": 1:\d+: parse error: the query is nested too deeply$/)
      }))
  }

  it('is refused when it is far deeper', () =>
    withWorker(async (ask) => {
      const levels = 100_000
      for (const query of [`${'('.repeat(levels)}1${')'.repeat(levels)}`, '('.repeat(levels), `${'abs('.repeat(levels)}up${')'.repeat(levels)}`, `${'-'.repeat(levels)}1`, `up[${'('.repeat(levels)}1m${')'.repeat(levels)}]`]) {
        expect(await ask({ kind: 'instant', query, timeMs: 0 })).toEqual({ status: 400, error: 'invalid parameter "query": 1:1: parse error: the query is nested too deeply' })
      }
    }))
})
