// The writer thread: the only one that writes to disk. Each turn it commits everything that waits in the log, in one
// transaction, then does one bounded step of whatever else there is: a flush, a checkpoint, compaction, retention.

import { mkdirSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { join } from 'node:path'
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { assert, errorText, unreachable } from '../../src/base/assert.ts'
import { giveBackBuffer } from '../../src/base/giveBack.ts'
import type { LogFields, LogLevel } from '../../src/base/log.ts'
import { settleMemorySoon } from '../../src/base/settle.ts'
import { createKernels, type Kernels } from '../../src/kernels/kernels.ts'
import { createDataDir, listLogSegments, seriesPath, snapshotsDir, statePath, tombstonesPath } from '../files/dataDir.ts'
import { lockDataDir } from '../files/lock.ts'
import { decodeSeriesPage, SeriesFileWriter } from '../files/seriesFile.ts'
import { isDamage, isDiskRefusal } from '../files/sqlite.ts'
import { StateFileWriter } from '../files/stateFile.ts'
import { TombstoneFileWriter } from '../files/tombstoneFile.ts'
import { decodeLabels } from '../head/headLabels.ts'
import { openHeadReader, type HeadReader } from '../head/headReader.ts'
import { formatLabels } from '../model/labels.ts'
import { startLabel } from '../model/startTimes.ts'
import { DataFileError } from '../model/storageError.ts'
import { ChunkCodec } from '../partitions/chunkCodec.ts'
import { deletionSteps, selectRefs, selectVisibleRefs } from '../partitions/deletion.ts'
import { flushSteps } from '../partitions/flushTask.ts'
import { PartitionKeeper } from '../partitions/partitionKeeper.ts'
import { Checkpoints } from './checkpoints.ts'
import { GroupCommits } from './groupCommits.ts'
import { HeadLoader } from './headLoader.ts'
import { LogWriter } from './logWriter.ts'
import { recoverHead, setAsideDamaged, tidyDataDir, type RecoveryDeps } from './recovery.ts'
import { snapshotSteps } from './snapshot.ts'
import type { DiskStats, FlushRequest, FromWriter, Recovered, ToWriter, WriterAnswer, WriterInit, WriterRequest } from './writerMessages.ts'

type Task = { readonly id: number; readonly steps: Generator<void, WriterAnswer> }

class Writer {
  readonly #init: WriterInit
  readonly #send: (message: FromWriter) => void
  /** Over the shared memory. */
  readonly #kernels: Kernels
  readonly #log: LogWriter
  readonly #commits: GroupCommits
  readonly #checkpoints: Checkpoints
  readonly #series: SeriesFileWriter
  readonly #state: StateFileWriter
  /** Of the state file, until recovery hands them on. */
  #records: Recovered['state'] = []
  readonly #tombstones: TombstoneFileWriter
  /** Opened by the first request that looks for series. */
  #headReader: HeadReader | undefined
  readonly #codec: ChunkCodec
  readonly #recoveryDeps: RecoveryDeps

  #tasks: Task[] = []

  readonly #lock: { close(): void } | undefined
  readonly #partitions: PartitionKeeper
  #corruptions = 0
  #truncations = 0
  #checkpointCount = 0

  constructor(init: WriterInit, send: (message: FromWriter) => void) {
    this.#init = init
    this.#send = send
    this.#kernels = createKernels(init.module, init.memory)
    this.#checkpoints = new Checkpoints(init.dir)
    this.#log = new LogWriter({ dir: init.dir, sync: init.sync, segmentBytes: init.segmentBytes })
    this.#commits = new GroupCommits({ log: this.#log, memory: init.memory, send, report: (level, message, fields) => this.#report(level, message, fields) })
    this.#recoveryDeps = {
      dir: init.dir,
      log: this.#log,
      warn: (message, fields) => this.#report('warn', message, fields),
      onCorruption: () => this.#corruptions++,
    }
    createDataDir(init.dir)
    if (init.lockFile) this.#lock = lockDataDir(init.dir)
    tidyDataDir(this.#recoveryDeps)
    this.#series = new SeriesFileWriter(seriesPath(init.dir), (reason) => this.#damaged(seriesPath(init.dir), reason))
    this.#state = this.#openOrReplace(statePath(init.dir), (path) => this.#openState(path))
    this.#tombstones = this.#openOrReplace(tombstonesPath(init.dir), (path) => new TombstoneFileWriter(init.dir, (reason) => this.#damaged(path, reason)))
    this.#codec = new ChunkCodec(init.module)
    this.#partitions = new PartitionKeeper({
      dir: init.dir,
      codec: this.#codec,
      tombstones: () => this.#tombstones.active,
      selectSeries: (matchers) => (this.#headReader === undefined ? new Uint32Array() : selectRefs(this.#headReader, matchers)),
      selectVisibleSeries: (matchers) => (this.#headReader === undefined ? new Uint32Array() : selectVisibleRefs(this.#headReader, matchers)),
      generation: init.partitionsGeneration,
      report: (level, message, fields) => this.#report(level, message, fields),
      seriesWithin: (range) => this.#series.refsWithin(range),
      seriesName: (ref) => this.#seriesName(ref),
      reportDamage: (message, fields) => {
        this.#corruptions++
        this.#report('warn', message, fields)
      },
      setAside: (path, reason) => setAsideDamaged(this.#recoveryDeps, path, reason),
    })
  }

  /** Takes one message in; most of the work is done in `turn`. */
  receive(message: ToWriter): void {
    switch (message.kind) {
      case 'append':
        this.#commits.add(message)
        return
      case 'rotate':
        this.#commits.commit()
        this.#commits.rotate()
        return
      case 'request':
        this.#request(message.id, message.request)
        return
      default:
        unreachable(message)
    }
  }

  /** Commits what waits, then one step of the rest. Returns whether there is more to do. */
  turn(): boolean {
    this.#commits.commit()
    const task = this.#tasks[0]
    if (task !== undefined) this.#step(task)
    else this.#partitions.step()
    return this.#commits.areDue || this.#tasks.length > 0 || this.#partitions.hasWork
  }

  /** Brings what was committed to the disk, in the background: a commit does not wait for it. */
  syncLog(): void {
    this.#commits.sync()
  }

  #request(id: number, request: WriterRequest): void {
    switch (request.kind) {
      case 'state':
        this.#answer(id, () => {
          this.#state.write(request.rows)
          return { kind: 'none' }
        })
        return
      case 'ledger':
        this.#answer(id, () => ({ kind: 'ledger', rows: this.#state.ledger(request.query) }))
        return
      case 'series':
        this.#tasks.push({ id, steps: this.#addSeries(request.packed) })
        return
      case 'begin':
        this.#answer(id, () => ({ kind: 'begun', hasSamples: this.#series.meta().maxRef > 0 || listLogSegments(this.#init.dir).length > 0 }))
        return
      case 'recover':
        this.#answer(id, () => ({ kind: 'recovered', recovered: this.#recover() }))
        settleMemorySoon()
        return
      case 'flush':
        this.#tasks.push({ id, steps: request.flush.to === 'partitions' ? this.#flush(request.flush) : this.#checkpoint(request.flush) })
        return
      case 'maintain':
        this.#tasks.push({ id, steps: this.#maintain(request) })
        return
      case 'delete':
        this.#tasks.push({ id, steps: this.#delete(request) })
        return
      case 'clean':
        this.#tasks.push({ id, steps: this.#clean() })
        return
      case 'snapshot':
        this.#tasks.push({ id, steps: this.#snapshot(request) })
        return
      case 'forgetCleaned':
        this.#answer(id, () => {
          if (this.#tombstones.forgetCleaned()) this.#partitions.changed()
          return { kind: 'none' }
        })
        return
      case 'ended':
        this.#tasks.push({ id, steps: this.#ended(request.beforeMs) })
        return
      case 'dropSeries':
        this.#tasks.push({ id, steps: this.#dropSeries(request.refs) })
        return
      case 'suspect':
        this.#tasks.push({ id, steps: this.#inspectSuspect(request.path) })
        return
      case 'close':
        this.#tasks.push({ id, steps: this.#close() })
        return
      default:
        unreachable(request)
    }
  }

  #answer(id: number, work: () => WriterAnswer): void {
    try {
      this.#send({ kind: 'answer', id, answer: work() })
    } catch (error) {
      this.#fail(id, error)
    }
  }

  #step(task: Task): void {
    try {
      const result = task.steps.next()
      if (result.done !== true) return
      this.#tasks.shift()
      this.#send({ kind: 'answer', id: task.id, answer: result.value })
    } catch (error) {
      this.#tasks.shift()
      this.#fail(task.id, error)
    }
  }

  #fail(id: number, error: unknown): void {
    this.#send({ kind: 'failed', id, message: errorText(error), isRefusal: isDiskRefusal(error) })
  }

  #recover(): Recovered {
    const { maxRef, maxTimeMs } = this.#series.meta()
    const loader = new HeadLoader(this.#kernels)
    const last = recoverHead({
      ...this.#recoveryDeps,
      loader,
      checkpoints: this.#checkpoints,
      lifetimes: (page) => this.#series.lifetimePage(page),
      onReplay: (progress) => this.#send({ kind: 'replay', progress }),
    })
    loader.close()
    const state = this.#records
    this.#records = []
    return { state, maxRef, maxTimeMs, nextRecord: last + 1, stats: this.#stats() }
  }

  /** Series before chunks before the mark in the log: a crash in between repeats work, it never leaves a chunk of an unknown series. */
  *#flush(flush: FlushRequest): Generator<void, WriterAnswer> {
    const before = this.#series.meta()
    try {
      yield* flushSteps({
        dir: this.#init.dir,
        memory: this.#init.memory,
        codec: this.#codec,
        table: flush.table,
        onPartition: (startMs) => this.#partitions.willWrite(startMs),
        onSeries: (ref, minTimeMs, maxTimeMs) => this.#series.extendLifetime(ref, minTimeMs, maxTimeMs),
      })
    } catch (error) {
      // The next flush brings the same chunks again, to another file.
      if (error instanceof DataFileError && isDamage(error)) yield* this.#partitions.salvage(error.path, error)
      throw error
    } finally {
      this.#partitions.changed()
    }
    yield
    this.#series.commit([], {
      flushedRecord: Math.max(before.flushedRecord, flush.upToRecord),
      maxRef: Math.max(before.maxRef, flush.maxRef),
      maxTimeMs: Math.max(before.maxTimeMs, flush.maxTimeMs),
    })
    // Once more, for the lifetimes of series.
    this.#partitions.changed()
    this.#checkpoints.dropUpTo(flush.upToRecord)
    this.#truncations += this.#log.dropUpTo(flush.upToRecord)
    return { kind: 'stats', stats: this.#stats() }
  }

  /** Series before chunks here too, and both before the log is given back. */
  *#checkpoint(flush: FlushRequest): Generator<void, WriterAnswer> {
    const meta = this.#series.meta()
    const afterRecord = Math.max(meta.flushedRecord, this.#checkpoints.lastRecord)
    yield* this.#checkpoints.write(this.#kernels, flush.table, { afterRecord, upToRecord: flush.upToRecord })
    this.#checkpointCount++
    yield
    this.#truncations += this.#log.dropUpTo(flush.upToRecord)
    return { kind: 'stats', stats: this.#stats() }
  }

  /** Series come before the flush that needs them. One that failed brings them again, and they are there already. */
  *#addSeries(packed: Uint8Array): Generator<void, WriterAnswer> {
    const rows = decodeSeriesPage(Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength))
    const before = this.#series.meta()
    this.#series.commit(rows, { ...before, maxRef: Math.max(before.maxRef, rows.at(-1)?.ref ?? 0) })
    giveBackBuffer(packed)
    return { kind: 'none' }
  }

  *#maintain({ reader, maintenance }: WriterRequest & { kind: 'maintain' }): Generator<void, WriterAnswer> {
    this.#headReader ??= openHeadReader(reader)
    yield* this.#partitions.maintain(maintenance, this.#log.bytes + this.#checkpoints.bytes)
    return { kind: 'stats', stats: this.#stats() }
  }

  *#delete(request: WriterRequest & { kind: 'delete' }): Generator<void, WriterAnswer> {
    this.#headReader ??= openHeadReader(request.reader)
    this.#tombstones.add(yield* deletionSteps(this.#headReader, this.#series, request))
    // From here on queries read the file again.
    this.#partitions.changed()
    return { kind: 'none' }
  }

  *#ended(beforeMs: number): Generator<void, WriterAnswer> {
    const refs: number[] = []
    for (const some of this.#series.endedBefore(beforeMs)) {
      for (const ref of some) refs.push(ref)
      yield
    }
    return { kind: 'refs', refs: Uint32Array.from(refs) }
  }

  *#dropSeries(refs: Uint32Array): Generator<void, WriterAnswer> {
    yield* this.#series.drop(refs)
    // For the lifetimes of series.
    this.#partitions.changed()
    return { kind: 'none' }
  }

  *#inspectSuspect(path: string): Generator<void, WriterAnswer> {
    yield* this.#partitions.inspectSuspect(path)
    return { kind: 'stats', stats: this.#stats() }
  }

  /** For people; a hidden series has the name of the one that it belongs to. */
  #seriesName(ref: number): string {
    const labels = decodeLabels(this.#series.labelBytes(ref))
    return labels[0]?.name === startLabel ? this.#seriesName(Number(labels[0].value)) : formatLabels(labels)
  }

  *#clean(): Generator<void, WriterAnswer> {
    yield* this.#partitions.clean()
    this.#tombstones.markCleaned()
    return { kind: 'stats', stats: this.#stats() }
  }

  *#snapshot({ name, withLog }: WriterRequest & { kind: 'snapshot' }): Generator<void, WriterAnswer> {
    const { dir } = this.#init
    mkdirSync(snapshotsDir(dir), { recursive: true })
    if (withLog) this.#log.rotate()
    yield* snapshotSteps({ dir, target: join(snapshotsDir(dir), name), withLog })
    return { kind: 'none' }
  }

  *#close(): Generator<void, WriterAnswer> {
    yield* this.#partitions.close()
    this.#log.close()
    this.#headReader?.close()
    this.#state.close()
    this.#tombstones.close()
    this.#series.close()
    this.#lock?.close()
    return { kind: 'none' }
  }

  /** A file beside the samples that cannot be read must not keep them from being served. */
  #openOrReplace<T>(path: string, open: (path: string) => T): T {
    try {
      return open(path)
    } catch (error) {
      if (!isDamage(error)) throw error
      setAsideDamaged(this.#recoveryDeps, path, error)
      return open(path)
    }
  }

  #damaged(file: string, reason: string): void {
    this.#corruptions++
    this.#report('warn', 'A file is damaged', { file, reason })
  }

  /** All records are read at once: a file of which some cannot be read is replaced while nobody has written to it. */
  #openState(path: string): StateFileWriter {
    const state = new StateFileWriter(path, this.#init.sync)
    try {
      this.#records = state.records((reason) => this.#damaged(path, reason))
      return state
    } catch (error) {
      state.close()
      throw error
    }
  }

  #stats(): DiskStats {
    return {
      ...this.#partitions.stats(),
      logSegmentCount: this.#log.segmentCount,
      logBytes: this.#log.bytes,
      checkpointBytes: this.#checkpoints.bytes,
      checkpointCount: this.#checkpointCount,
      corruptionCount: this.#corruptions,
      truncationCount: this.#truncations,
    }
  }

  #report(level: LogLevel, message: string, fields: LogFields): void {
    this.#send({ kind: 'log', level, message, fields })
  }
}

/** With `interval`, how much of the newest samples a power loss may take. */
const syncIntervalMs = 5000

const port = parentPort
assert(port !== null, 'writer.ts runs as a worker thread')

// The starter of this thread passes a WriterInit.
const writer = new Writer(workerData as WriterInit, (message) => port.postMessage(message))
let isScheduled = false

function schedule(): void {
  if (isScheduled) return
  isScheduled = true
  setImmediate(() => {
    isScheduled = false
    // What arrived in the meantime joins the same commit.
    for (let next = receiveMessageOnPort(port as NonNullable<typeof port>); next !== undefined; next = receiveMessageOnPort(port as NonNullable<typeof port>)) {
      writer.receive(next.message as ToWriter)
    }
    if (writer.turn()) schedule()
  })
}

port.on('message', (message: ToWriter) => {
  writer.receive(message)
  schedule()
})

setInterval(() => writer.syncLog(), syncIntervalMs).unref()

// As in src/serve.ts; each thread keeps its own.
flushCompileCache()
