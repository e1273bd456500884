// The sample log as the writer thread sees it: segments in order, group commit into the newest, deletion of those whose
// samples are in partitions.

import { databaseBytes, listLogSegments, logDir, logSegmentPath, removeDatabase, syncDirectory } from '../files/dataDir.ts'
import { LogSegmentWriter, type SyncMode } from '../files/logFile.ts'

export type LogWriterOptions = {
  readonly dir: string
  readonly sync: SyncMode
  /** A segment that has grown beyond this is followed by a new one. */
  readonly segmentBytes: number
}

type ClosedSegment = { readonly path: string; readonly lastNumber: number; readonly bytes: number }

export type LogRecordBytes = { readonly number: number; readonly body: Uint8Array }

export class LogWriter {
  readonly #options: LogWriterOptions
  readonly #closed: ClosedSegment[] = []
  #closedBytes = 0
  #active: LogSegmentWriter | undefined
  #nextSegment: number
  #lastNumber = 0
  /** Segments with commits that the disk may not have yet. */
  readonly #unsynced = new Set<string>()

  constructor(options: LogWriterOptions) {
    this.#options = options
    this.#nextSegment = (listLogSegments(options.dir).at(-1)?.number ?? 0) + 1
  }

  /** A segment that an earlier run left and that recovery has read. */
  adopt(path: string, lastNumber: number): void {
    const bytes = databaseBytes(path)
    this.#closed.push({ path, lastNumber, bytes })
    this.#closedBytes += bytes
    this.#lastNumber = Math.max(this.#lastNumber, lastNumber)
  }

  /** Writes records, all or none, in one transaction. Throws when the disk refuses. */
  commit(records: readonly LogRecordBytes[]): void {
    const last = records.at(-1)
    if (last === undefined) return
    const active = (this.#active ??= this.#open())
    const bytesBefore = active.bytes
    try {
      active.begin()
      for (const { number, body } of records) active.add(number, body)
      active.commit()
    } catch (error) {
      active.rollback()
      active.bytes = bytesBefore
      throw error
    }
    this.#lastNumber = last.number
    if (this.#options.sync === 'interval') this.#unsynced.add(active.path)
  }

  /** Segments written to since the last call, for whoever brings them to the disk now and then. */
  takeUnsynced(): string[] {
    const paths = [...this.#unsynced]
    this.#unsynced.clear()
    return paths
  }

  /** Whether it is time to `rotate`. */
  get isSegmentFull(): boolean {
    return this.#active !== undefined && this.#active.bytes >= this.#options.segmentBytes
  }

  /** Closes the newest segment; the next record begins another. */
  rotate(): void {
    if (this.#active === undefined || this.#active.bytes === 0) return
    this.#active.close()
    const bytes = databaseBytes(this.#active.path)
    this.#closed.push({ path: this.#active.path, lastNumber: this.#lastNumber, bytes })
    this.#closedBytes += bytes
    this.#active = undefined
  }

  /** Deletes the segments that hold no record after `number`. Returns how many. */
  dropUpTo(number: number): number {
    let dropped = 0
    while (this.#closed[0] !== undefined && this.#closed[0].lastNumber <= number) {
      removeDatabase(this.#closed[0].path)
      this.#closedBytes -= this.#closed[0].bytes
      this.#closed.shift()
      dropped++
    }
    if (dropped > 0) syncDirectory(logDir(this.#options.dir))
    return dropped
  }

  get bytes(): number {
    return this.#closedBytes + (this.#active?.bytes ?? 0)
  }

  get segmentCount(): number {
    return this.#closed.length + (this.#active === undefined ? 0 : 1)
  }

  close(): void {
    this.#active?.close()
    this.#active = undefined
  }

  #open(): LogSegmentWriter {
    const segment = new LogSegmentWriter(logSegmentPath(this.#options.dir, this.#nextSegment), this.#options.sync)
    this.#nextSegment++
    syncDirectory(logDir(this.#options.dir))
    return segment
  }
}
