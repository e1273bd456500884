// The order of stopping: whatever was started last is stopped first. `app.ts` adds each part as it builds it.

export type Closable = { close(): void | Promise<void> }

export class ClosingStack {
  readonly #parts: Closable[] = []

  /** Remembers `part` for `close()` and returns it. */
  add<T extends Closable>(part: T): T {
    this.#parts.push(part)
    return part
  }

  /** Closes every part in reverse order, all of them even when one fails; then throws the first failure. */
  async close(): Promise<void> {
    const failures: unknown[] = []
    for (let part = this.#parts.pop(); part !== undefined; part = this.#parts.pop()) {
      try {
        await part.close()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}
