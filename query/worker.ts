// The thread that queries run in: opens the way to the samples once, then takes one job after the other and answers each with
// finished bytes or values. Nothing here outlives a job but caches.

import { flushCompileCache } from 'node:module'
import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { createKernels } from '../src/kernels/kernels.ts'
import { errorText, unreachable } from '../src/base/assert.ts'
import { matchesEmpty, type Matcher } from '../storage/matcher.ts'
import { openQuerierSource, type Querier } from '../storage/querier.ts'
import { ActiveQuerySlot } from './activeQueries.ts'
import { answerInstant, answerRange, evaluateForRule, type JobDeps } from './apiQuery.ts'
import { answerMetadata, answerSearch, answerTsdbBlocks, answerTsdbStatus } from './apiMetadata.ts'
import { escapedJson, jsonHeaders, type FederateRequest, type RemoteReadRequest } from './api.ts'
import type { Expr } from './ast.ts'
import { ColumnSpace } from './columnSpace.ts'
import { federate } from './federate.ts'
import { JsonBytes } from './jsonBytes.ts'
import { Limits } from './limits.ts'
import { parseQuery, parseSelector } from './parse.ts'
import { expressionTree } from './parseTree.ts'
import { prettyText } from './print.ts'
import { invalidParameter, QueryError } from './queryError.ts'
import { answerRemoteRead } from './remoteRead/remoteRead.ts'
import type { JobAnswer, JobMessage, JobPiece, WorkerInit } from './workerMessages.ts'

/** About a third of the processor time that a thread of the normal priority gets beside it. */
const queryNice = 5

// Started by `queryWorker.ts`, which passes exactly this.
const init = workerData as WorkerInit
if (parentPort === null) throw new Error('bug: the query worker runs in a thread')
const port = parentPort

// When processors are short, samples and the main thread's answers go before queries. Only Linux gives a thread a priority of
// its own; elsewhere it would be the whole process's.
if (process.platform === 'linux') setPriority(0, queryNice)

const control = new Int32Array(init.control)
const features = new Set(init.features)
const source = openQuerierSource(init.querier)
const active = new ActiveQuerySlot(init.activeQueryFile, init.querier.head.slot)
/** Over the memory that samples are read into. */
const space = new ColumnSpace(createKernels(init.querier.head.module, init.querier.head.memory))

// As in command.ts; each thread keeps its own.
flushCompileCache()

/** Below this a copy is cheaper than handing over the buffer. */
const transferFromBytes = 16 * 1024

port.on('message', (message: JobMessage) => {
  const answer = answerJob(message)
  if (answer.kind === 'response' && answer.body.length >= transferFromBytes) port.postMessage(answer, [answer.body.buffer])
  else port.postMessage(answer)
})

function answerJob(message: JobMessage): JobAnswer {
  const { id, request, settings } = message
  const limits = new Limits({ maxSamples: settings.maxSamples, deadlineMs: settings.deadlineMs, control, jobId: id })
  try {
    const querier = source.querier()
    const isEvaluated = request.kind === 'instant' || request.kind === 'range' || request.kind === 'evaluate'
    if (isEvaluated) active.begin({ query: request.query, kind: request.kind, timestamp_sec: Math.trunc(Date.now() / 1000) })
    try {
      space.reset()
      return answerWith({ querier, space, features, settings, limits }, message)
    } finally {
      querier.close()
      if (isEvaluated) active.end()
    }
  } catch (error) {
    if (error instanceof QueryError) return { id, kind: 'error', errorType: error.errorType, message: error.message }
    if (isStackOverflow(error)) return { id, kind: 'error', errorType: 'bad_data', message: 'the query is nested too deeply' }
    return { id, kind: 'error', errorType: 'internal', message: errorText(error) }
  }
}

/** Parsing and evaluation follow the nesting of the query on the stack: some thousand levels, more than anybody writes. */
function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message === 'Maximum call stack size exceeded'
}

function answerWith(deps: JobDeps, { id, request, settings }: JobMessage): JobAnswer {
  const { querier } = deps
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
      return jsonAnswer(id, new JsonBytes().raw('{"status":"success","data":').string(prettyText(parse(request.query))).raw('}'))
    case 'parseQuery': {
      const tree = JSON.stringify(expressionTree(parse(request.query)))
      return jsonAnswer(id, new JsonBytes().raw('{"status":"success","data":').utf8(escapedJson(tree)).raw('}'))
    }
    case 'federate':
      return answerFederate(id, querier, request, settings.lookbackMs)
    case 'remoteRead':
      return answerInPieces(id, deps, request)
    default:
      return unreachable(request)
  }
}

/** Pieces that may be on their way before the worker waits for the client. */
const maxPiecesAhead = 8

/** All pieces but the last are posted at once; the last is the answer. */
function answerInPieces(id: number, deps: JobDeps, request: RemoteReadRequest): JobAnswer {
  const { headers, pieces } = answerRemoteRead(request, deps)
  const takenBefore = Atomics.load(control, 1)
  let sent = 0
  let last = new Uint8Array()
  for (const piece of pieces) {
    if (last.length > 0) {
      port.postMessage({ id, kind: 'piece', headers, bytes: last } satisfies JobPiece, [last.buffer])
      sent++
    }
    last = Uint8Array.from(piece)
    for (let taken = Atomics.load(control, 1); sent - ((taken - takenBefore) | 0) > maxPiecesAhead; taken = Atomics.load(control, 1)) {
      deps.limits.check()
      Atomics.wait(control, 1, taken, 100)
    }
  }
  return { id, kind: 'response', status: 200, body: last, headers }
}

function jsonAnswer(id: number, json: JsonBytes, cost?: JobAnswer['cost']): JobAnswer {
  return { id, kind: 'response', status: 200, body: json.finish(), headers: jsonHeaders, ...(cost && { cost }) }
}

function parse(text: string): Expr {
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
