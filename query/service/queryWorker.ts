// The main thread's side of one query worker: starts the thread, hands it one job at a time, tells it to stop, and turns
// its death into an answer. It does not know which job comes next; that is the pool's concern.

import { setFlagsFromString } from 'node:v8'
import { MessageChannel, Worker } from 'node:worker_threads'
import { startsWithUsualCounts } from '../../src/base/tierUp.ts'
import type { QuerierInit } from '../../storage/querier/querierSource.ts'
import type { EngineSettings, JobAnswer } from '../answers/job.ts'
import type { CrewInit, EndMessage, JobMessage, JobPiece, MeetMessage, WorkerInit } from './workerMessages.ts'

export type QueryWorkerOptions = {
  readonly querier: QuerierInit
  readonly features: readonly string[]
  readonly activeQueryFile: string
  readonly resultCacheBytes: number
  readonly settings: EngineSettings
  readonly crew: CrewInit
  /** Called once, when the thread has ended; `reason` is set when nobody asked it to. */
  readonly onExit: (worker: QueryWorker, reason: string | undefined) => void
}

/** The JavaScript heap of a worker. Samples are in typed arrays, outside of it, and bounded by `--query.max-samples`. */
const heapMegabytes = 2048

/** Takes a piece of an answer; the worker goes on for a while, and waits when too many have not been called `taken` for. */
export type OnPiece = (piece: JobPiece, taken: () => void) => void

export class QueryWorker {
  readonly #worker: Worker
  readonly #control: Int32Array
  #pending: { readonly id: number; readonly onPiece: OnPiece; readonly settle: (answer: JobAnswer) => void } | undefined
  #ended = false
  #stopping = false

  constructor(options: QueryWorkerOptions) {
    const control = new SharedArrayBuffer(12)
    this.#control = new Int32Array(control)
    const { querier, features, activeQueryFile, resultCacheBytes, settings, crew } = options
    const init: WorkerInit = { querier, features, activeQueryFile, resultCacheBytes, settings, control, crew }
    // Unlike the threads that are always at work, see `solowatch`, this one is to give back what a query left behind.
    setFlagsFromString('--memory-reducer')
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: init,
      name: 'query',
      // The main thread's own young generation is small, see src/main.ts; a query makes much that lives for a moment.
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytes, maxYoungGenerationSizeMb: 16 },
    })
    startsWithUsualCounts(this.#worker)
    // An idle worker must not keep the process alive.
    this.#worker.unref()
    this.#worker.on('message', (message: JobAnswer | JobPiece) => (message.kind === 'piece' ? this.#pass(message) : this.#settle(message)))
    let reason: string | undefined
    this.#worker.on('error', (error) => {
      reason = error instanceof Error ? error.message : String(error)
    })
    this.#worker.on('exit', (code) => {
      this.#ended = true
      reason ??= `exit code ${code}`
      this.#fail(`query worker ended: ${reason}`)
      options.onExit(this, this.#stopping ? undefined : reason)
    })
  }

  /** Lets both help each other. */
  meet(other: QueryWorker): void {
    const { port1, port2 } = new MessageChannel()
    this.#worker.postMessage({ kind: 'meet', port: port1 } satisfies MeetMessage, [port1])
    other.#worker.postMessage({ kind: 'meet', port: port2 } satisfies MeetMessage, [port2])
  }

  /** Whether it can take a job now. */
  get idle(): boolean {
    return this.#pending === undefined && !this.#ended && !this.#stopping
  }

  /** Whether job `id` is the one that runs. */
  runs(id: number): boolean {
    return this.#pending?.id === id
  }

  /** The worker must be idle. Never rejects: the end of the thread is an `internal` error. */
  run(message: JobMessage, onPiece: OnPiece): Promise<JobAnswer> {
    return new Promise((settle) => {
      this.#pending = { id: message.id, onPiece, settle }
      this.#worker.ref()
      Atomics.store(this.#control, 2, 1)
      this.#worker.postMessage(message)
    })
  }

  /** Asks the running job to end; it looks often. */
  cancel(id: number): void {
    Atomics.store(this.#control, 0, id)
  }

  /** Ends the idle thread, once it has nothing to do for others either. */
  retire(): void {
    this.#stopping = true
    this.#worker.postMessage({ kind: 'end' } satisfies EndMessage)
  }

  /** Ends the thread; a running job fails. */
  async stop(): Promise<void> {
    this.#stopping = true
    if (!this.#ended) await this.#worker.terminate()
  }

  #pass(piece: JobPiece): void {
    const taken = () => {
      Atomics.add(this.#control, 1, 1)
      Atomics.notify(this.#control, 1)
    }
    if (this.#pending?.id === piece.id) this.#pending.onPiece(piece, taken)
  }

  #settle(answer: JobAnswer): void {
    const pending = this.#pending
    if (pending?.id !== answer.id) return
    this.#pending = undefined
    this.#worker.unref()
    pending.settle(answer)
  }

  #fail(message: string): void {
    if (this.#pending !== undefined) this.#settle({ id: this.#pending.id, kind: 'error', errorType: 'internal', message })
  }
}
