// The body of an answer that a query worker sends piece by piece: as long as the client does not read on, pieces are not
// acknowledged, and the worker waits.

import { Readable } from 'node:stream'

/** Bytes that wait for the client before the worker is held up. */
const aheadBytes = 1024 * 1024

export class PiecewiseStream extends Readable {
  #waiting: (() => void)[] = []

  constructor() {
    super({ highWaterMark: aheadBytes })
  }

  /** `taken` is called as soon as there is room for more. */
  add(bytes: Uint8Array, taken: () => void): void {
    if (this.push(bytes)) taken()
    else this.#waiting.push(taken)
  }

  end(bytes: Uint8Array): void {
    this.push(bytes)
    this.push(null)
  }

  override _read(): void {
    for (const taken of this.#waiting.splice(0)) taken()
  }
}
