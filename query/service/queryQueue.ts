// Jobs that wait for a query worker. Clients take turns, so that a dashboard of fifty panels does not make everyone else
// wait for all fifty; within a client, first come, first served.

export type Queued = { readonly client: string }

export class FairQueue<Job extends Queued> {
  /** In the order in which the clients' turns come; a client without waiting jobs has no entry. */
  readonly #waiting = new Map<string, Job[]>()
  #length = 0

  get length(): number {
    return this.#length
  }

  push(job: Job): void {
    const list = this.#waiting.get(job.client)
    if (list === undefined) this.#waiting.set(job.client, [job])
    else list.push(job)
    this.#length += 1
  }

  /** Whether a client waits for which `isMeant` holds. */
  has(isMeant: (client: string) => boolean): boolean {
    return this.#waiting.keys().some(isMeant)
  }

  /** Takes the next job of a client for which `isMeant` holds; the client goes to the end of the line. */
  shift(isMeant: (client: string) => boolean = () => true): Job | undefined {
    for (const [client, list] of this.#waiting) {
      if (!isMeant(client)) continue
      const job = list.shift()
      this.#waiting.delete(client)
      if (list.length > 0) this.#waiting.set(client, list)
      if (job !== undefined) this.#length -= 1
      return job
    }
    return undefined
  }

  /** Takes a job out of the line before its turn. Returns whether it was still waiting. */
  remove(job: Job): boolean {
    const list = this.#waiting.get(job.client)
    const index = list?.indexOf(job) ?? -1
    if (list === undefined || index < 0) return false
    list.splice(index, 1)
    if (list.length === 0) this.#waiting.delete(job.client)
    this.#length -= 1
    return true
  }

  /** Takes out everything that waits. */
  drain(): Job[] {
    const jobs = [...this.#waiting.values()].flat()
    this.#waiting.clear()
    this.#length = 0
    return jobs
  }
}
