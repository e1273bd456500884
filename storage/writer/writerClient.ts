// The main thread's side of the writer thread: hands it log records in order, tells who waits when they are committed, and
// keeps what the disk refused until it takes it. Nothing here touches the disk.

import { Worker } from 'node:worker_threads'
import { assert, errorText, unreachable } from '../../src/base/assert.ts'
import { formatBytes } from '../../src/base/bytes.ts'
import type { Logger } from '../../src/base/log.ts'
import { StorageUnavailableError } from '../model/storageError.ts'
import type { AppendEntry, FromWriter, Recovered, ReplayProgress, ToWriter, WriterAnswer, WriterInit, WriterRequest } from './writerMessages.ts'

/** Records that wait for the disk, in bytes, before new ones are refused. */
const maxWaitingBytes = 256 * 1024 * 1024
/** Between two tries on a disk that refuses. */
const retryMs = 1000
/** Part of the head's LogRecord: the bytes of one record in the shared memory. */
export type RecordPlace = { readonly ptr: number; readonly length: number }

export type WriterClientOptions = {
  readonly init: WriterInit
  readonly logger: Logger
  readonly events: WriterEvents
  /** Called before each request: what is committed, but not appended yet, is appended now. */
  readonly beforeRequest: () => void
}

export type WriterEvents = {
  /** Called after each group commit. */
  onCommit: (commit: { readonly seconds: number; readonly logBytes: number; readonly logSegmentCount: number }) => void
  onReplay: (progress: ReplayProgress) => void
}

type Waiting = {
  readonly number: number
  readonly length: number
  ptr: number
  /** A copy, once the first try failed and the head took its memory back. */
  bytes: Uint8Array | undefined
  readonly done: PromiseWithResolvers<void>
}

export class WriterClient {
  readonly #options: WriterClientOptions
  readonly #worker: Worker
  readonly #waiting: Waiting[] = []
  #waitingBytes = 0
  #unsent: Waiting[] = []
  #sendsSoon = false
  #nextNumber = 1
  #epoch = 1
  #refusal: StorageUnavailableError | undefined
  #retryTimer: NodeJS.Timeout | undefined
  readonly #requests = new Map<number, { resolve(answer: WriterAnswer): void; reject(error: Error): void }>()
  #nextRequest = 1
  #ended: Error | undefined

  constructor(options: WriterClientOptions) {
    this.#options = options
    this.#worker = new Worker(new URL('./writer.ts', import.meta.url), {
      workerData: options.init,
      name: 'writer',
      // Semi-spaces of 1 MiB, as the main thread has: what a batch leaves behind is dead at once.
      resourceLimits: { maxYoungGenerationSizeMb: 3 },
    })
    this.#worker.on('message', (message: FromWriter) => this.#receive(message))
    this.#worker.on('error', (error) => this.#end(error instanceof Error ? error : new Error(errorText(error))))
    this.#worker.on('exit', () => this.#end(new Error('bug: the writer thread ended')))
  }

  /** Set while nothing new can be made durable. */
  get blocked(): StorageUnavailableError | undefined {
    if (this.#refusal !== undefined) return this.#refusal
    if (this.#waitingBytes <= maxWaitingBytes) return undefined
    return new StorageUnavailableError(`the disk is too slow: ${formatBytes(this.#waitingBytes)} of samples wait to be written`)
  }

  /** Number of the last record that was appended. */
  get lastNumber(): number {
    return this.#nextNumber - 1
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** Resolves when the directory is ours; tells whether there may be samples in it. */
  async begin(): Promise<{ readonly hasSamples: boolean }> {
    const answer = await this.request({ kind: 'begin' })
    assert(answer.kind === 'begun', 'the writer did not answer that it has begun')
    return answer
  }

  /** Has the thread fill the head from the disk. Nobody may use the shared memory until this resolves. */
  async recover(): Promise<Recovered> {
    const answer = await this.request({ kind: 'recover' })
    assert(answer.kind === 'recovered', 'the writer did not answer with what it recovered')
    assert(this.#waiting.length === 0, 'records were appended before recovery ended')
    this.#nextNumber = answer.recovered.nextRecord
    return answer.recovered
  }

  /**
   * Resolves when the record survives a crash of the process. Rejects with `StorageUnavailableError` when the disk refuses;
   * the record is then kept and written as soon as the disk takes it, before any later one, because its samples are in the
   * head: a client that repeats them must not be told they are stored before they are. For the same reason an empty
   * record, which is not written, waits for those before it.
   */
  append(record: RecordPlace): Promise<void> {
    if (record.length === 0) return this.#waiting.at(-1)?.done.promise ?? Promise.resolve()
    const waiting: Waiting = { number: this.#nextNumber++, ptr: record.ptr, length: record.length, bytes: undefined, done: Promise.withResolvers() }
    this.#waiting.push(waiting)
    this.#waitingBytes += record.length
    if (this.#refusal !== undefined) {
      this.#keep(waiting, this.#refusal)
    } else {
      this.#unsent.push(waiting)
      this.#sendSoon()
    }
    return waiting.done.promise
  }

  /** Records from here on go to a new segment. */
  rotate(): void {
    this.#sendAppends()
    this.#post({ kind: 'rotate' })
  }

  /** Rejects with `StorageUnavailableError` when the disk refuses. */
  request(request: WriterRequest): Promise<WriterAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(this.#ended)
        return
      }
      this.#options.beforeRequest()
      this.#sendAppends()
      const id = this.#nextRequest++
      this.#requests.set(id, { resolve, reject })
      this.#post({ kind: 'request', id, request })
    })
  }

  /** Everything appended is committed or has failed; then the thread ends. */
  async close(): Promise<void> {
    if (this.#ended === undefined) await this.request({ kind: 'close' })
    await this.terminate()
  }

  /** Ends the thread as it is. */
  async terminate(): Promise<void> {
    clearTimeout(this.#retryTimer)
    this.#ended ??= new StorageUnavailableError('storage is closed')
    await this.#worker.terminate()
  }

  #sendSoon(): void {
    if (this.#sendsSoon) return
    this.#sendsSoon = true
    queueMicrotask(() => this.#sendAppends())
  }

  #sendAppends(): void {
    this.#sendsSoon = false
    if (this.#unsent.length === 0) return
    const entries = this.#unsent.map(entryOf)
    this.#unsent = []
    this.#post({ kind: 'append', epoch: this.#epoch, entries })
  }

  #post(message: ToWriter): void {
    this.#worker.postMessage(message)
  }

  #receive(message: FromWriter): void {
    switch (message.kind) {
      case 'appended':
        this.#appended(message)
        return
      case 'appendFailed':
        this.#appendFailed(message.epoch, message.message)
        return
      case 'answer':
        this.#settle(message.id, (request) => request.resolve(message.answer))
        return
      case 'failed':
        this.#settle(message.id, (request) => request.reject(message.isRefusal ? new StorageUnavailableError(message.message) : new Error(message.message)))
        return
      case 'replay':
        this.#options.events.onReplay(message.progress)
        return
      case 'log':
        this.#options.logger[message.level](message.message, message.fields)
        return
      default:
        unreachable(message)
    }
  }

  #appended(message: FromWriter & { kind: 'appended' }): void {
    const end = this.#waiting.findIndex((waiting) => waiting.number > message.lastNumber)
    const done = this.#waiting.splice(0, end < 0 ? this.#waiting.length : end)
    for (const waiting of done) {
      this.#waitingBytes -= waiting.length
      waiting.done.resolve()
    }
    if (this.#refusal !== undefined && !this.#waiting.some((waiting) => waiting.bytes !== undefined)) {
      this.#refusal = undefined
      this.#options.logger.info('The disk takes writes again; samples are acknowledged')
    }
    this.#options.events.onCommit({ seconds: message.commitSeconds, logBytes: message.logBytes, logSegmentCount: message.logSegmentCount })
  }

  #appendFailed(epoch: number, reason: string): void {
    if (epoch !== this.#epoch) return
    this.#epoch++
    if (this.#refusal === undefined) this.#options.logger.error('The disk refuses the sample log; samples are not acknowledged until it takes them', { reason })
    this.#refusal = new StorageUnavailableError(`samples cannot be written: ${reason}; free some disk space, storage goes on by itself`)
    for (const waiting of this.#waiting) this.#keep(waiting, this.#refusal)
    this.#unsent = []
    this.#retryTimer = setTimeout(() => this.#retry(), retryMs)
    this.#retryTimer.unref()
  }

  #keep(waiting: Waiting, refusal: StorageUnavailableError): void {
    waiting.bytes ??= new Uint8Array(this.#options.init.memory.buffer, waiting.ptr, waiting.length).slice()
    waiting.done.reject(refusal)
  }

  #retry(): void {
    this.#unsent = [...this.#waiting]
    this.#sendAppends()
  }

  #settle(id: number, settle: (request: { resolve(answer: WriterAnswer): void; reject(error: Error): void }) => void): void {
    const request = this.#requests.get(id)
    assert(request !== undefined, `the writer answered request ${id}, which nobody made`)
    this.#requests.delete(id)
    settle(request)
  }

  /** The thread is gone: nothing will be written any more. */
  #end(error: Error): void {
    if (this.#ended !== undefined) return
    this.#ended = error
    this.#refusal = new StorageUnavailableError(`the writer thread ended: ${error.message}`, { cause: error })
    for (const request of this.#requests.values()) request.reject(error)
    this.#requests.clear()
    for (const waiting of this.#waiting) waiting.done.reject(this.#refusal)
  }
}

function entryOf(waiting: Waiting): AppendEntry {
  if (waiting.bytes !== undefined) return { number: waiting.number, bytes: waiting.bytes }
  return { number: waiting.number, ptr: waiting.ptr, length: waiting.length }
}
