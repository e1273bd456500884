// One request to one answer, on whichever thread it is evaluated: finished bytes for the API, values for rules. Answers in
// pieces are the worker's own affair.

import { unreachable } from '../../src/base/assert.ts'
import { matchesEmpty, type Matcher } from '../../storage/model/matcher.ts'
import { parseSelector } from '../language/parse.ts'
import { expressionTree } from '../language/parseTree.ts'
import { prettyText } from '../language/print.ts'
import { namingParameter, QueryError } from '../queryError.ts'
import { escapedJson, jsonHeaders, type ApiRequest, type FederateRequest } from './api.ts'
import { answerMetadata, answerSearch, answerTsdbBlocks, answerTsdbStatus } from './apiMetadata.ts'
import { answerInstant, answerRange, evaluateForRule, parsedQuery, type JobDeps } from './apiQuery.ts'
import { federate } from './federate.ts'
import type { EvaluateRequest, JobAnswer } from './job.ts'
import { JsonBytes } from './jsonBytes.ts'

/** Throws `QueryError`. `id` is the job's. */
export function answerRequest(deps: JobDeps, id: number, request: ApiRequest | EvaluateRequest): JobAnswer {
  const { querier, limits } = deps
  const check = () => limits.check()
  switch (request.kind) {
    case 'evaluate':
      return { id, kind: 'evaluated', ...evaluateForRule(request, deps) }
    case 'instant': {
      const { json, cost } = answerInstant(request, deps)
      return jsonAnswer(id, json, cost)
    }
    case 'range': {
      const { json, cost } = answerRange(request, deps)
      return jsonAnswer(id, json, cost)
    }
    case 'series':
      if (request.match.length === 0) throw new QueryError('bad_data', 'no match[] parameter provided')
      return jsonAnswer(id, answerMetadata(deps, request, namingParameter('match[]', () => parseMatches(request.match, check))))
    case 'labels':
    case 'labelValues':
      return jsonAnswer(id, answerMetadata(deps, request, parseMatches(request.match, check)))
    case 'tsdbStatus':
      return jsonAnswer(id, answerTsdbStatus(querier, request))
    case 'search': {
      const sets = namingParameter('match[]', () => parseMatches(request.match, check))
      return { id, kind: 'response', status: 200, body: new Uint8Array(Buffer.from(JSON.stringify(answerSearch(querier, request, sets)))), headers: jsonHeaders }
    }
    case 'tsdbBlocks':
      return jsonAnswer(id, answerTsdbBlocks(querier))
    case 'formatQuery':
      return jsonAnswer(id, new JsonBytes().raw('{"status":"success","data":').string(prettyText(parsedQuery(request.query, deps))).raw('}'))
    case 'parseQuery': {
      const tree = JSON.stringify(expressionTree(parsedQuery(request.query, deps)))
      return jsonAnswer(id, new JsonBytes().raw('{"status":"success","data":').utf8(escapedJson(tree)).raw('}'))
    }
    case 'federate':
      return answerFederate(deps, id, request)
    default:
      return unreachable(request)
  }
}

function jsonAnswer(id: number, json: JsonBytes, cost?: JobAnswer['cost']): JobAnswer {
  return { id, kind: 'response', status: 200, body: json.finish(), headers: jsonHeaders, ...(cost && { cost }) }
}

function answerFederate({ querier, settings, limits }: JobDeps, id: number, request: FederateRequest): JobAnswer {
  const answer = (status: number, body: Uint8Array<ArrayBuffer>, contentType: string): JobAnswer => {
    return { id, kind: 'response', status, body, headers: { 'content-type': contentType } }
  }
  try {
    const check = () => limits.check()
    const sets = selectorsOf(request.match, check).filter((set) => set.length > 0)
    const { body, contentType } = federate({ querier, lookbackMs: settings.lookbackMs, check }, sets, request)
    return answer(200, body, contentType)
  } catch (error) {
    if (error instanceof QueryError && error.errorType === 'bad_data') return answer(400, new Uint8Array(Buffer.from(`${error.message}\n`)), 'text/plain; charset=utf-8')
    throw error
  }
}

function selectorsOf(texts: readonly string[], check: () => void): (readonly Matcher[])[] {
  return texts.map((text) => parseSelector(text, check))
}

/** None of them may match everything. */
function parseMatches(texts: readonly string[], check: () => void): (readonly Matcher[])[] {
  const sets = selectorsOf(texts, check)
  if (sets.some((set) => set.every(matchesEmpty))) throw new QueryError('bad_data', 'match[] must contain at least one non-empty matcher')
  return sets
}
