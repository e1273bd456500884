// What everybody who looks at the server should know right now, such as a reload that failed: the list behind
// `/api/v1/notifications` and its live stream.

export type Notification = { readonly text: string; readonly date: string; readonly active: boolean }

export class Notifications {
  readonly #active = new Map<string, Notification>()
  readonly #subscribers = new Set<(notification: Notification) => void>()

  /** Shows `text` until it is removed. */
  add(text: string): void {
    if (this.#active.has(text)) return
    const notification = { text, date: new Date().toISOString(), active: true }
    this.#active.set(text, notification)
    this.#tell(notification)
  }

  remove(text: string): void {
    const notification = this.#active.get(text)
    if (notification === undefined) return
    this.#active.delete(text)
    this.#tell({ ...notification, active: false })
  }

  list(): Notification[] {
    return [...this.#active.values()]
  }

  get subscriberCount(): number {
    return this.#subscribers.size
  }

  /** Calls `listener` with the current ones and then with every change; the result ends that. */
  subscribe(listener: (notification: Notification) => void): () => void {
    for (const notification of this.#active.values()) listener(notification)
    this.#subscribers.add(listener)
    return () => void this.#subscribers.delete(listener)
  }

  #tell(notification: Notification): void {
    for (const listener of this.#subscribers) listener(notification)
  }
}
