// What comes in at the same time is handled one after the other, in one turn of the event loop: when all of it was there. So the
// time that one target takes can be told from the wait for others that share its slot.

export class EventTurn {
  #beganMs: number | undefined

  /** When this was first called in this turn, by the clock of `performance`. */
  beganMs(): number {
    if (this.#beganMs === undefined) {
      this.#beganMs = performance.now()
      setImmediate(() => (this.#beganMs = undefined))
    }
    return this.#beganMs
  }
}
