// Group commit: what the main thread appends waits for the writer's next turn, then all of it goes into the log in one transaction.

import { close, fdatasync, open } from 'node:fs'
import { errorText } from '../../src/base/assert.ts'
import type { LogFields, LogLevel } from '../../src/base/log.ts'
import type { LogRecordBytes, LogWriter } from './logWriter.ts'
import type { AppendEntry, FromWriter } from './writerMessages.ts'

type Append = { readonly epoch: number; readonly entries: readonly AppendEntry[] }

type GroupCommitDeps = {
  readonly log: LogWriter
  /** Where records lie until they are acknowledged. */
  readonly memory: WebAssembly.Memory
  readonly send: (message: FromWriter) => void
  readonly report: (level: LogLevel, message: string, fields: LogFields) => void
}

export class GroupCommits {
  readonly #log: LogWriter
  readonly #memory: WebAssembly.Memory
  readonly #send: GroupCommitDeps['send']
  readonly #report: GroupCommitDeps['report']
  /** Epoch of the last failed commit; records of it or before are dropped. */
  #failedEpoch = 0
  #waiting: Append[] = []

  constructor({ log, memory, send, report }: GroupCommitDeps) {
    this.#log = log
    this.#memory = memory
    this.#send = send
    this.#report = report
  }

  add(append: Append): void {
    this.#waiting.push(append)
  }

  get areDue(): boolean {
    return this.#waiting.length > 0
  }

  /** Everything that waits in one transaction, then one acknowledgement. */
  commit(): void {
    const waiting = this.#waiting.filter(({ epoch }) => epoch > this.#failedEpoch)
    const epoch = this.#waiting.at(-1)?.epoch ?? 0
    this.#waiting = []
    const entries = waiting.flatMap((append) => append.entries)
    const last = entries.at(-1)
    if (last === undefined) return
    const startMs = performance.now()
    try {
      this.#log.commit(entries.map((entry) => this.#recordBytes(entry)))
    } catch (error) {
      this.#failedEpoch = epoch
      this.#send({ kind: 'appendFailed', epoch, firstNumber: entries[0]?.number ?? last.number, message: errorText(error) })
      return
    }
    const commitSeconds = (performance.now() - startMs) / 1000
    this.#send({ kind: 'appended', lastNumber: last.number, logBytes: this.#log.bytes, logSegmentCount: this.#log.segmentCount, commitSeconds })
    if (this.#log.isSegmentFull) this.rotate()
  }

  #recordBytes(entry: AppendEntry): LogRecordBytes {
    // In place: the head keeps these bytes until the acknowledgement.
    const body = 'bytes' in entry ? entry.bytes : new Uint8Array(this.#memory.buffer, entry.ptr, entry.length)
    return { number: entry.number, body }
  }

  /** The next record begins another segment; when that fails, the segment grows on. */
  rotate(): void {
    try {
      this.#log.rotate()
    } catch (error) {
      this.#report('warn', 'Cannot close a log segment; it grows on', { reason: errorText(error) })
    }
  }

  /** Brings what was committed to the disk, in the background: a commit does not wait for it. */
  sync(): void {
    for (const path of this.#log.takeUnsynced()) {
      open(`${path}-wal`, 'r+', (openError, fd) => {
        // The segment may be deleted by now: then its samples are in partitions.
        if (openError !== null) return
        fdatasync(fd, (error) => {
          if (error !== null) this.#report('error', 'The disk does not keep what is written', { file: path, reason: error.message })
          close(fd)
        })
      })
    }
  }
}
