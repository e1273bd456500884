// The exemplars of the series that a query reads.

import { setImmediate } from 'node:timers/promises'
import { jsonHeaders } from '../../query/answers/api.ts'
import { JsonBytes } from '../../query/answers/jsonBytes.ts'
import { formatSampleValue, formatTimestamp } from '../../query/language/numberText.ts'
import { parseQuery } from '../../query/language/parse.ts'
import { selectorsIn } from '../../query/language/selectors.ts'
import { QueryError } from '../../query/queryError.ts'
import type { SeriesExemplars } from '../../storage/exemplars.ts'
import { noContent } from '../answer.ts'
import type { Answer } from '../answer.ts'
import { requireBrief } from '../brief.ts'
import type { Parts } from '../parts.ts'
import type { Router } from '../router.ts'
import { readTimeRange } from './query.ts'

/** Exemplars printed between two looks at the event loop. */
const sliceLength = 2000

export function addExemplarRoutes(router: Router, parts: () => Parts, options: { readonly features: readonly string[] }): void {
  const features = new Set(options.features)
  router.getOrPost('/api/v1/query_exemplars', async (request) => {
    const { startMs = -Infinity, endMs = Infinity } = readTimeRange(request)
    if (endMs < startMs) throw new QueryError('bad_data', 'end timestamp must not be before start timestamp')
    const query = request.params.text('query')
    requireBrief([query])
    const selectors = selectorsIn(parseQuery(query, features)).map(({ matchers }) => matchers)
    if (selectors.length === 0) return noContent
    return print(await parts().storage.exemplars.select(selectors, { minTimeMs: startMs, maxTimeMs: endMs }))
  })
}

async function print(list: readonly SeriesExemplars[]): Promise<Answer> {
  const json = new JsonBytes().raw('{"status":"success","data":[')
  let printed = 0
  for (const [index, { seriesLabels, exemplars }] of list.entries()) {
    json.raw(index > 0 ? ',{"seriesLabels":' : '{"seriesLabels":').labels(seriesLabels).raw(',"exemplars":[')
    for (const [at, { labels, value, timestampMs }] of exemplars.entries()) {
      json.raw(at > 0 ? ',{"labels":' : '{"labels":').labels(labels)
      json.raw(`,"value":"${formatSampleValue(value)}","timestamp":${formatTimestamp(timestampMs)}}`)
      if (++printed % sliceLength === 0) await setImmediate()
    }
    json.raw(']}')
  }
  return { status: 200, headers: jsonHeaders, body: json.raw(']}').finish() }
}
