// The thread that queries run in: opens the way to the samples once, then takes one job after the other and answers each with
// finished bytes or values. Nothing here outlives a job but caches.

import { flushCompileCache } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import { errorText } from '../../src/base/assert.ts'
import { lowerThisThread } from '../../src/base/priority.ts'
import { createKernels } from '../../src/kernels/kernels.ts'
import { openQuerierSource } from '../../storage/querier/querierSource.ts'
import { answerRequest } from '../answers/answerRequest.ts'
import type { RemoteReadRequest } from '../answers/api.ts'
import type { JobDeps } from '../answers/apiQuery.ts'
import type { JobAnswer } from '../answers/job.ts'
import { ResultCache } from '../engine/resultCache.ts'
import { prepareParser } from '../language/parse.ts'
import { Limits } from '../limits.ts'
import { Crew, type Parts } from '../parallel/crew.ts'
import { openSharedWork, type SharedWork } from '../parallel/sharedWork.ts'
import { QueryError } from '../queryError.ts'
import { answerRemoteRead } from '../remoteRead/remoteRead.ts'
import { ColumnSpace } from '../values/columnSpace.ts'
import { ActiveQuerySlot } from './activeQueries.ts'
import type { EndMessage, JobMessage, JobPiece, MeetMessage, WorkerInit } from './workerMessages.ts'

// Started by `queryWorker.ts`, which passes exactly this.
const init = workerData as WorkerInit
if (parentPort === null) throw new Error('bug: the query worker runs in a thread')
const port = parentPort

lowerThisThread()

const control = new Int32Array(init.control)
const features = new Set(init.features)
const source = openQuerierSource(init.querier)
const active = new ActiveQuerySlot(init.activeQueryFile, init.querier.head.slot)
/** Over the memory that samples are read into. */
const space = new ColumnSpace(createKernels(init.querier.head.module, init.querier.head.memory))
const results = new ResultCache(init.resultCacheBytes)
prepareParser()

// As in src/serve.ts; each thread keeps its own.
flushCompileCache()

/** Below this a copy is cheaper than handing over the buffer. */
const transferFromBytes = 16 * 1024

/** The generation of partitions that the main thread was last told about. */
let toldGeneration = -1

const crew = new Crew<SharedWork>({ ...init.crew, isWanted: () => Atomics.load(control, 2) === 1, help })

port.on('message', (message: JobMessage | MeetMessage | EndMessage) => {
  if ('kind' in message && message.kind === 'meet') return crew.meet(message.port)
  Atomics.store(control, 2, 0)
  if ('kind' in message) {
    // Memory that is given back is used by other workers; what a thread has when it ends is lost.
    crew.close()
    source.close()
    space.close()
    port.close()
    return
  }
  const answer = { ...withDiskView(crew.busy(() => answerJob(message))), asked: crew.takeAsked() }
  if (answer.kind === 'response' && answer.body.length >= transferFromBytes) port.postMessage(answer, [answer.body.buffer])
  else port.postMessage(answer)
  active.end() // which the client need not wait for
})

/** The first answer after a change on disk says what it means for queries that read memory alone. */
function withDiskView(answer: JobAnswer): JobAnswer {
  if (source.generation === toldGeneration) return answer
  toldGeneration = source.generation
  return { ...answer, diskView: source.diskView() }
}

/** Some of another worker's query. */
function help(work: SharedWork, parts: Parts): void {
  const querier = source.querier()
  try {
    space.reset()
    const decodedBefore = querier.chunksDecoded()
    const worker = openSharedWork(work, querier, space)
    for (let part = parts.next(); part !== undefined; part = parts.next()) worker.run(part, parts.goesOn)
    parts.report(querier.chunksDecoded() - decodedBefore)
  } finally {
    querier.close()
  }
}

function answerJob(message: JobMessage): JobAnswer {
  const { id, request, changes, lends = false } = message
  const settings = { ...init.settings, ...message.settings }
  const limits = new Limits({ maxSamples: settings.maxSamples, deadlineMs: settings.deadlineMs, control, jobId: id })
  try {
    const querier = source.querier({ lends, check: () => limits.check() })
    const isEvaluated = request.kind === 'instant' || request.kind === 'range' || request.kind === 'evaluate'
    if (isEvaluated) active.begin({ query: request.query, kind: request.kind, timestamp_sec: Math.trunc(Date.now() / 1000) })
    try {
      space.reset()
      const moment = changes && { changes, generation: source.generation }
      const deps = { querier, space, features, settings, limits, share: crew.share, ...(moment && { results, moment }) }
      const answer = request.kind === 'remoteRead' ? answerInPieces(deps, id, request) : answerRequest(deps, id, request)
      return lends ? { ...answer, lent: source.lent() } : answer
    } finally {
      querier.close()
    }
  } catch (error) {
    if (error instanceof QueryError) return { id, kind: 'error', errorType: error.errorType, message: error.message }
    return { id, kind: 'error', errorType: 'internal', message: errorText(error) }
  }
}

/** Pieces that may be on their way before the worker waits for the client. */
const maxPiecesAhead = 8

/** All pieces but the last are posted at once; the last is the answer. */
function answerInPieces(deps: JobDeps, id: number, request: RemoteReadRequest): JobAnswer {
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
