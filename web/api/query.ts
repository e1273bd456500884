// Instant and range queries, and the two endpoints that show a query's text and tree. Only parsing of
// parameters happens here; the engine's workers print the answers.

import type { ApiRequest, Asker, QueryOrigin, QueryParams } from '../../query/answers/api.ts'
import type { Answer } from '../answer.ts'
import type { Parts } from '../parts.ts'
import type { RequestParams } from '../requestParams.ts'
import type { Router } from '../router.ts'
import type { WebRequest } from '../webRequest.ts'

export function addQueryRoutes(router: Router, parts: () => Parts): void {
  const respond = (request: WebRequest, query: ApiRequest): Answer | Promise<Answer> => parts().query.respond(query, new LoggedAsker(request))

  router.getOrPost('/api/v1/query', (request) => {
    const { params } = request
    const timeMs = params.timeMs('time') ?? Date.now()
    const { query, limit, stats, warnings, explain, timeoutMs, lookbackMs } = readQueryParams(params)
    return respond(request, { kind: 'instant', query, limit, stats, warnings, explain, timeoutMs, lookbackMs, timeMs })
  }, { isDirect: true })
  router.getOrPost('/api/v1/query_range', (request) => {
    const { params } = request
    const startMs = params.requiredTimeMs('start')
    const endMs = params.requiredTimeMs('end')
    // Less than a millisecond is no step: no sample has a time between two of them.
    const stepMs = Math.trunc(params.requiredDurationMs('step'))
    const { query, limit, stats, warnings, explain, timeoutMs, lookbackMs } = readQueryParams(params)
    return respond(request, { kind: 'range', query, limit, stats, warnings, explain, timeoutMs, lookbackMs, startMs, endMs, stepMs, nocache: params.bool('nocache') })
  }, { isDirect: true })
  router.getOrPost('/api/v1/format_query', (request) => respond(request, { kind: 'formatQuery', query: request.params.text('query') }))
  router.getOrPost('/api/v1/parse_query', (request) => respond(request, { kind: 'parseQuery', query: request.params.text('query') }))
}

/** Who asks, and what the query log says of it. */
class LoggedAsker implements Asker {
  readonly #request: WebRequest

  constructor(request: WebRequest) {
    this.#request = request
  }

  get client(): string {
    return this.#request.client
  }

  get signal(): AbortSignal {
    return this.#request.signal
  }

  get origin(): QueryOrigin {
    return this.#request.origin
  }
}

/** Written out where it is used: to spread objects takes several times as long. */
function readQueryParams(params: RequestParams): QueryParams {
  const timeoutMs = params.durationMs('timeout')
  const lookbackMs = params.durationMs('lookback_delta') ?? 0
  const stats = params.text('stats')
  return {
    query: params.text('query'),
    limit: params.limit(),
    stats: stats === '' ? 'none' : stats === 'all' ? 'all' : 'basic',
    warnings: stats === '' || stats === 'all' || stats === 'true' ? undefined : [`the value ${JSON.stringify(stats)} of parameter "stats" is deprecated, use "true" or "all"`],
    explain: params.bool('explain'),
    timeoutMs,
    // Not above zero it is the server's, as in Prometheus.
    lookbackMs: lookbackMs > 0 ? lookbackMs : undefined,
  }
}

/** `start` and `end`, each only when given. */
export function readTimeRange({ params }: WebRequest): { readonly startMs?: number; readonly endMs?: number } {
  const startMs = params.timeMs('start')
  const endMs = params.timeMs('end')
  return { ...(startMs !== undefined && { startMs }), ...(endMs !== undefined && { endMs }) }
}
