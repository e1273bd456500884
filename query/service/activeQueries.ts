// The queries that are being evaluated, in a file that survives a crash of the process: one slot per worker, a line of JSON
// that is there from before an evaluation until after it. What is found at the next start did not finish. A write goes to
// the system's page cache; nothing waits for the disk.

import { closeSync, constants, openSync, readFileSync, rmSync, writeSync } from 'node:fs'

export type ActiveQuery = {
  readonly query: string
  /** `instant`, `range` or `evaluate`, which is a rule. */
  readonly kind: string
  /** When it began, in seconds since 1970. The names are those of Prometheus. */
  readonly timestamp_sec: number
}

/** A longer query is cut. */
const slotBytes = 1024
const lineFeed = 0x0a

export class ActiveQuerySlot {
  readonly #fd: number
  readonly #at: number
  readonly #slot = Buffer.alloc(slotBytes)
  #used = 0

  constructor(path: string, slot: number) {
    this.#fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o644)
    this.#at = slot * slotBytes
  }

  begin(active: ActiveQuery): void {
    let text = active.query
    let json = JSON.stringify(active)
    while (Buffer.byteLength(json) >= slotBytes) {
      text = text.slice(0, Math.floor(text.length / 2))
      json = JSON.stringify({ ...active, query: `${text}…` })
    }
    this.#used = this.#slot.write(json)
    this.#slot[this.#used++] = lineFeed
    writeSync(this.#fd, this.#slot, 0, this.#used, this.#at)
  }

  /** Does nothing when none has begun. */
  end(): void {
    if (this.#used === 0) return
    writeSync(this.#fd, this.#slot.fill(0, 0, this.#used), 0, this.#used, this.#at)
    this.#used = 0
  }

  close(): void {
    closeSync(this.#fd)
  }
}

/** What the file says did not finish; the file is gone afterwards. Before any worker starts. */
export function takeUnfinished(path: string): ActiveQuery[] {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch {
    return []
  }
  rmSync(path, { force: true })
  const found: ActiveQuery[] = []
  for (let at = 0; at < bytes.length; at += slotBytes) {
    const slot = bytes.subarray(at, at + slotBytes)
    const end = slot.indexOf(lineFeed)
    if (end <= 0) continue
    try {
      const { query, timestamp_sec, kind } = JSON.parse(slot.toString('utf8', 0, end)) as Partial<ActiveQuery>
      if (query !== undefined && kind !== undefined && timestamp_sec !== undefined) found.push({ query, timestamp_sec, kind })
    } catch {
      // Cut off in the middle of a write: then nothing is known of it.
    }
  }
  return found
}
