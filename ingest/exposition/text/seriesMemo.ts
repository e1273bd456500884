// What is worked out once for a series as a target writes it, and kept from body to body.

/** Series that are not shown any more are forgotten when there are this many times as many as a body has. */
export const keptFactor = 4

export class SeriesMemo<Value> {
  readonly #values = new Map<string, Value>()
  #asked = 0

  /** Comes before each body. */
  begin(): void {
    if (this.#values.size > keptFactor * this.#asked) this.#values.clear()
    this.#asked = 0
  }

  /** `series` has one character per byte. */
  get(series: string, make: () => Value): Value {
    this.#asked++
    const known = this.#values.get(series)
    if (known !== undefined) return known
    const value = make()
    this.#values.set(copyOf(series), value)
    return value
  }

  /** Without making anything. */
  peek(series: string): Value | undefined {
    return this.#values.get(series)
  }
}

/** A part of a string would keep all of it in memory. */
export function copyOf(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
