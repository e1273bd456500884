// One request to one answer, on whichever thread it is evaluated: finished bytes for the API, values for rules. Answers in
// pieces are the worker's own affair.

import { unreachable } from '../../src/base/assert.ts'
import { matchesEmpty, type Matcher } from '../../storage/model/matcher.ts'
import type { Querier } from '../../storage/querier/querier.ts'
import type { Expr } from '../language/ast.ts'
import { parseQuery, parseSelector, type ParseFeatures } from '../language/parse.ts'
import { expressionTree } from '../language/parseTree.ts'
import { prettyText } from '../language/print.ts'
import { invalidParameter, QueryError } from '../queryError.ts'
import { escapedJson, jsonHeaders, type ApiRequest, type FederateRequest } from './api.ts'
import { answerMetadata, answerSearch, answerTsdbBlocks, answerTsdbStatus } from './apiMetadata.ts'
import { answerInstant, answerRange, evaluateForRule, type JobDeps } from './apiQuery.ts'
import { federate } from './federate.ts'
import type { EvaluateRequest, JobAnswer } from './job.ts'
import { JsonBytes } from './jsonBytes.ts'

/** Throws `QueryError`. `id` is the job's. */
export function answerRequest(deps: JobDeps, id: number, request: ApiRequest | EvaluateRequest): JobAnswer {
  const { querier, features, settings } = deps
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
      return jsonAnswer(id, answerMetadata(deps, request, namingParameter('match[]', () => parseMatches(request.match))))
    case 'labels':
    case 'labelValues':
      return jsonAnswer(id, answerMetadata(deps, request, parseMatches(request.match)))
    case 'tsdbStatus':
      return jsonAnswer(id, answerTsdbStatus(querier, request))
    case 'search': {
      const sets = namingParameter('match[]', () => parseMatches(request.match))
      return { id, kind: 'response', status: 200, body: new Uint8Array(Buffer.from(JSON.stringify(answerSearch(querier, request, sets)))), headers: jsonHeaders }
    }
    case 'tsdbBlocks':
      return jsonAnswer(id, answerTsdbBlocks(querier))
    case 'formatQuery':
      return jsonAnswer(id, new JsonBytes().raw('{"status":"success","data":').string(prettyText(parse(request.query, features))).raw('}'))
    case 'parseQuery': {
      const tree = JSON.stringify(expressionTree(parse(request.query, features)))
      return jsonAnswer(id, new JsonBytes().raw('{"status":"success","data":').utf8(escapedJson(tree)).raw('}'))
    }
    case 'federate':
      return answerFederate(id, querier, request, settings.lookbackMs)
    default:
      return unreachable(request)
  }
}

function jsonAnswer(id: number, json: JsonBytes, cost?: JobAnswer['cost']): JobAnswer {
  return { id, kind: 'response', status: 200, body: json.finish(), headers: jsonHeaders, ...(cost && { cost }) }
}

function parse(text: string, features: ParseFeatures): Expr {
  return namingParameter('query', () => parseQuery(text, features))
}

/** What `read` finds wrong is said with the parameter's name. */
function namingParameter<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof QueryError ? invalidParameter(name, error.message) : error
  }
}

function answerFederate(id: number, querier: Querier, request: FederateRequest, lookbackMs: number): JobAnswer {
  const answer = (status: number, body: Uint8Array<ArrayBuffer>, contentType: string): JobAnswer => {
    return { id, kind: 'response', status, body, headers: { 'content-type': contentType } }
  }
  try {
    const { body, contentType } = federate(querier, request.match.map(parseSelector).filter((set) => set.length > 0), lookbackMs, request)
    return answer(200, body, contentType)
  } catch (error) {
    if (error instanceof QueryError && error.errorType === 'bad_data') return answer(400, new Uint8Array(Buffer.from(`${error.message}\n`)), 'text/plain; charset=utf-8')
    throw error
  }
}

function parseMatches(texts: readonly string[]): (readonly Matcher[])[] {
  const sets = texts.map(parseSelector)
  if (sets.some((set) => set.every(matchesEmpty))) throw new QueryError('bad_data', 'match[] must contain at least one non-empty matcher')
  return sets
}
