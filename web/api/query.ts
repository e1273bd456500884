// Instant and range queries, and the two endpoints that show a query's text and tree. Only parsing of
// parameters happens here; the engine's workers print the answers.

import type { ApiRequest, Asker, QueryOrigin, QueryParams, StatsLevel } from '../../query/answers/api.ts'
import type { Answer } from '../answer.ts'
import type { Parts } from '../parts.ts'
import type { Router } from '../router.ts'
import type { WebRequest } from '../webRequest.ts'

export function addQueryRoutes(router: Router, parts: () => Parts): void {
  const respond = (request: WebRequest, query: ApiRequest): Answer | Promise<Answer> => parts().query.respond(query, new LoggedAsker(request))

  router.getOrPost('/api/v1/query', (request) => {
    const timeMs = request.params.timeMs('time') ?? Date.now()
    return respond(request, { kind: 'instant', ...readQueryParams(request), timeMs })
  }, { isDirect: true })
  router.getOrPost('/api/v1/query_range', (request) => {
    const { params } = request
    const startMs = params.requiredTimeMs('start')
    const endMs = params.requiredTimeMs('end')
    // Less than a millisecond is no step: no sample has a time between two of them.
    const stepMs = Math.trunc(params.requiredDurationMs('step'))
    return respond(request, { kind: 'range', ...readQueryParams(request), startMs, endMs, stepMs, nocache: params.bool('nocache') })
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

function readQueryParams({ params }: WebRequest): QueryParams {
  const timeoutMs = params.durationMs('timeout')
  const lookbackMs = params.durationMs('lookback_delta') ?? 0
  return {
    query: params.text('query'),
    limit: params.limit(),
    ...readStats(params.text('stats')),
    explain: params.bool('explain'),
    ...(timeoutMs !== undefined && { timeoutMs }),
    // Not above zero it is the server's, as in Prometheus.
    ...(lookbackMs > 0 && { lookbackMs }),
  }
}

function readStats(text: string): { readonly stats: StatsLevel; readonly warnings?: readonly string[] } {
  if (text === '') return { stats: 'none' }
  if (text === 'all') return { stats: 'all' }
  if (text === 'true') return { stats: 'basic' }
  return { stats: 'basic', warnings: [`the value ${JSON.stringify(text)} of parameter "stats" is deprecated, use "true" or "all"`] }
}

/** `start` and `end`, each only when given. */
export function readTimeRange({ params }: WebRequest): { readonly startMs?: number; readonly endMs?: number } {
  const startMs = params.timeMs('start')
  const endMs = params.timeMs('end')
  return { ...(startMs !== undefined && { startMs }), ...(endMs !== undefined && { endMs }) }
}
