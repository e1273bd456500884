// Lets a number of requests through at the same time; the others wait in the order in which they came.

export class Gate {
  readonly #limit: number
  readonly #waiting: (() => void)[] = []
  #inside = 0

  /** A `limit` of 0 lets everybody through. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Those inside and those waiting. */
  get count(): number {
    return this.#inside + this.#waiting.length
  }

  /** Resolves with the way out, to be called once; with `undefined` when `signal` ended the wait. */
  async enter(signal: AbortSignal): Promise<(() => void) | undefined> {
    if (this.#limit === 0 || this.#inside < this.#limit) this.#inside++
    else if (!(await this.#turn(signal))) return undefined
    return () => {
      // Whoever waits takes over the place.
      const next = this.#waiting.shift()
      if (next !== undefined) next()
      else this.#inside--
    }
  }

  #turn(signal: AbortSignal): Promise<boolean> {
    return new Promise((settle) => {
      const admit = () => {
        signal.removeEventListener('abort', leave)
        settle(true)
      }
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(admit), 1)
        settle(false)
      }
      this.#waiting.push(admit)
      signal.addEventListener('abort', leave, { once: true })
    })
  }
}
