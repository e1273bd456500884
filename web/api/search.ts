// The search endpoints, which query editors complete names with: metric names, label names and label values by parts of
// them, as lines of JSON. They are off unless --enable-feature=search-api is given.

import type { SearchAnswer, SearchRequest } from '../../query/answers/api.ts'
import type { FuzzAlgorithm } from '../../query/answers/search.ts'
import { invalidParameter, QueryError } from '../../query/queryError.ts'
import { isLabelName } from '../../src/base/names.ts'
import { toJson } from '../answer.ts'
import type { Answer } from '../answer.ts'
import type { Parts } from '../parts.ts'
import type { RequestParams } from '../requestParams.ts'
import type { Router } from '../router.ts'
import type { WebRequest } from '../webRequest.ts'

export type SearchRouteOptions = {
  readonly features: readonly string[]
  /** The greatest `limit`; 0 is none. */
  readonly searchMaxLimit: number
}

const maxTexts = 32
const defaultRangeMs = 3_600_000

type Kind = 'metric_names' | 'label_names' | 'label_values'

export function addSearchRoutes(router: Router, parts: () => Parts, options: SearchRouteOptions): void {
  const isEnabled = options.features.includes('search-api')
  for (const kind of ['metric_names', 'label_names', 'label_values'] as const) {
    router.getOrPost(`/api/v1/search/${kind}`, async (request) => {
      if (!isEnabled) throw new QueryError('unavailable', 'search API disabled')
      request.params.requireWellFormed()
      const asked = readSearch(kind, request, options.searchMaxLimit)
      const batchSize = wholeNumber(request.params, 'batch_size', 100)
      const includesScore = request.params.bool('include_score')
      const metadata = kind === 'metric_names' && request.params.bool('include_metadata') ? metadataByMetric(parts()) : undefined
      const answer = await parts().query.respond(asked, request)
      if (answer.status !== 200) return answer
      const found: SearchAnswer = JSON.parse(Buffer.from(answer.body).toString())
      const records = found.found.map(({ text, score }) => ({ [kind === 'label_values' ? 'value' : 'name']: text, ...(includesScore && { score }), ...metadata?.get(text) }))
      return lines(records, batchSize, found.hasMore)
    })
  }
}

function readSearch(kind: Kind, { params }: WebRequest, maxLimit: number): SearchRequest {
  const label = kind === 'metric_names' ? '__name__' : kind === 'label_values' ? params.text('label') : undefined
  if (label !== undefined && !isLabelName(label)) throw invalidParameter('label', `invalid label name: ${JSON.stringify(label)}`)
  const texts = params.list('search[]')
  if (texts.length > maxTexts) throw invalidParameter('search[]', `at most ${maxTexts} search terms are allowed`)
  const sortBy = oneOf(params, 'sort_by', ['alpha', 'score'] as const)
  if (sortBy === 'score' && params.text('sort_dir') !== '') throw invalidParameter('sort_dir', 'only supported with sort_by=alpha')
  const threshold = Number(params.text('fuzz_threshold') || '0')
  if (!(threshold >= 0 && threshold <= 100)) throw invalidParameter('fuzz_threshold', 'must be a number from 0 to 100')
  const limit = wholeNumber(params, 'limit', 100)
  if (maxLimit > 0 && limit > maxLimit) throw invalidParameter('limit', `must not exceed ${maxLimit}`)
  const endMs = params.timeMs('end') ?? Date.now()
  const startMs = params.timeMs('start') ?? endMs - defaultRangeMs
  if (endMs < startMs) throw invalidParameter('end', 'end timestamp must not be before start time')
  return {
    kind: 'search', label, match: params.list('match[]'), startMs, endMs,
    options: {
      texts, limit, sortBy,
      threshold: threshold / 100,
      algorithm: oneOf<FuzzAlgorithm>(params, 'fuzz_alg', ['subsequence', 'jarowinkler']),
      isCaseSensitive: params.text('case_sensitive') === '' || params.bool('case_sensitive'),
      isDescending: oneOf(params, 'sort_dir', ['asc', 'dsc'] as const) === 'dsc',
    },
  }
}

/** The first word when the parameter is not given. */
function oneOf<T extends string>(params: RequestParams, name: string, words: readonly [T, ...T[]]): T {
  const text = params.text(name)
  const found = text === '' ? words[0] : words.find((word) => word === text)
  if (found === undefined) throw invalidParameter(name, `expected ${words.join(' or ')}, found ${JSON.stringify(text)}`)
  return found
}

function wholeNumber(params: RequestParams, name: string, byDefault: number): number {
  const text = params.text(name)
  if (text === '') return byDefault
  if (!/^\d{1,9}$/.test(text) || Number(text) === 0) throw invalidParameter(name, 'must be a whole number greater than 0')
  return Number(text)
}

function metadataByMetric(parts: Parts): Map<string, { readonly type: string; readonly help: string }> {
  return new Map(Array.from(parts.scraping.metadata(), ({ metric, type, help }) => [metric, { type, help }]))
}

function lines(records: readonly unknown[], batchSize: number, hasMore: boolean): Answer {
  let body = ''
  for (let from = 0; from < records.length; from += batchSize) body += `${toJson({ results: records.slice(from, from + batchSize) })}\n`
  return { status: 200, headers: { 'content-type': 'application/x-ndjson; charset=utf-8' }, body: `${body}${toJson({ status: 'success', has_more: hasMore })}\n` }
}
