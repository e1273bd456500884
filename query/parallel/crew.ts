// One query on several workers: a worker that has begun something long offers the rest of it to those that are idle. The
// work is cut into numbered parts; who is free takes the next one, the owner from the front, helpers from the back, so that
// each mostly gets what it read the last time. Knows nothing of queries: a part is a number, what all need to know about the
// work is a message, and results go where that says.

import type { MessagePort } from 'node:worker_threads'

/** Int32 cells that an owner and its helpers share; one set per worker, for all its offers. */
const cells = {
  /** The id of the offer that may still be joined; 0 when there is none. */
  open: 0,
  /** Helpers at work. */
  helpers: 1,
  /** Parts that somebody has taken. */
  taken: 2,
  /** Those of them that helpers have taken. */
  fromBack: 3,
  /** 1 when the parts that are taken need not be finished. */
  abandoned: 4,
  /** Helpers that took a part at all. */
  joined: 5,
  /** What helpers say they did, see `Parts.report`. */
  reported: 6,
} as const
const cellCount = 7

/** How often an owner that waits for its helpers looks after its own limits. */
const lookMs = 20
/** A helper that does not step back for this long is stuck. */
const graceMs = 5_000

type Offer<Work> = { readonly state: SharedArrayBuffer; readonly id: number; readonly count: number; readonly helpers: number; readonly work: Work }

/** The parts of somebody else's work, as a helper sees them. */
export type Parts = {
  /** The next part to do; `undefined` when there are none, or when this worker has something better to do. */
  next(): number | undefined
  /** False when nobody wants the rest of a part that was taken. */
  goesOn(): boolean
  /** Adds to a number that the owner gets. */
  report(count: number): void
}

export type Shared = {
  /** Workers that did any of it. */
  readonly workers: number
  /** The sum of what helpers reported. */
  readonly reported: number
}

export type Job<Work> = {
  readonly count: number
  /** For helpers; made only when they are asked. Survives structured cloning. */
  work(): Work
  /** Does one part, in this thread. What it throws ends the job. */
  run(part: number): void
  /** Throws when the job must end; called while waiting for helpers. */
  check(): void
}

/** Does the parts of a job, perhaps with others. A helper may leave parts half done, when it met an error. */
export type Share<Work> = (job: Job<Work>) => Shared

/** Everything in this thread. */
export function shareWithNobody<Work>(job: Job<Work>): Shared {
  for (let part = 0; part < job.count; part++) job.run(part)
  return { workers: 1, reported: 0 }
}

export type CrewOptions<Work> = {
  /** One Int32 that all have in common: workers that wait for work. */
  readonly idle: SharedArrayBuffer
  /** Helpers that a job may have. */
  readonly maxHelpers: number
  /** Others are asked when a job has taken this long and seems to need as long again. */
  readonly patienceMs: number
  /** Whether this worker has work of its own waiting. */
  readonly isWanted: () => boolean
  /** Takes parts of `work` until there are none. */
  readonly help: (work: Work, parts: Parts) => void
}

export class Crew<Work> {
  readonly #options: CrewOptions<Work>
  /** One to each of the others. */
  readonly #ports = new Set<MessagePort>()
  #state = new SharedArrayBuffer(4 * cellCount)
  #cells = new Int32Array(this.#state)
  readonly #idle: Int32Array
  #nextId = 1
  #asked = false

  /** A new worker is idle. */
  constructor(options: CrewOptions<Work>) {
    this.#options = options
    this.#idle = new Int32Array(options.idle)
    Atomics.add(this.#idle, 0, 1)
  }

  /** `port` leads to another worker. A BroadcastChannel for all would need less of the pool, and 60 ms of each thread: Node loads undici for its first message. */
  meet(port: MessagePort): void {
    this.#ports.add(port)
    port.on('message', (offer: Offer<Work>) => this.#help(offer)) // what share posts
    port.on('close', () => this.#ports.delete(port))
    port.unref()
  }

  /** Does a job of the worker's own, during which others need not be told to this one. */
  busy<Result>(work: () => Result): Result {
    Atomics.sub(this.#idle, 0, 1)
    try {
      return work()
    } finally {
      Atomics.add(this.#idle, 0, 1)
    }
  }

  /** Whether help was wanted since this was called last. */
  takeAsked(): boolean {
    const asked = this.#asked
    this.#asked = false
    return asked
  }

  readonly share: Share<Work> = (job) => {
    const shared = this.#cells
    for (const cell of [cells.taken, cells.fromBack, cells.abandoned, cells.joined, cells.reported]) Atomics.store(shared, cell, 0)
    const { maxHelpers, patienceMs } = this.#options
    const startedMs = performance.now()
    let isOffered = maxHelpers === 0
    let isDone = false
    try {
      for (let part = 0; Atomics.add(shared, cells.taken, 1) < job.count; part++) {
        if (!isOffered && isWorthHelp(performance.now() - startedMs, part, job.count, patienceMs)) {
          isOffered = true
          this.#offer(job)
        }
        job.run(part)
      }
      isDone = true
    } finally {
      if (!isDone) Atomics.store(shared, cells.abandoned, 1)
      this.#close(job)
    }
    return { workers: 1 + Atomics.load(shared, cells.joined), reported: Atomics.load(shared, cells.reported) }
  }

  #offer(job: Job<Work>): void {
    const id = this.#nextId
    this.#nextId = (this.#nextId % 0x3fffffff) + 1
    this.#asked = true
    // A message to workers that are busy would wait there until nobody needs it any more.
    if (Atomics.load(this.#idle, 0) <= 0) return
    Atomics.store(this.#cells, cells.open, id)
    const offer: Offer<Work> = { state: this.#state, id, count: job.count, helpers: this.#options.maxHelpers, work: job.work() }
    for (const port of this.#ports) port.postMessage(offer)
  }

  /** Nobody can join any more; waits for those who have. */
  #close(job: Job<Work>): void {
    const shared = this.#cells
    Atomics.store(shared, cells.open, 0)
    let failure: unknown
    let waitedMs = 0
    for (let busy = Atomics.load(shared, cells.helpers); busy > 0; busy = Atomics.load(shared, cells.helpers)) {
      if (Atomics.wait(shared, cells.helpers, busy, lookMs) !== 'timed-out') continue
      if (failure !== undefined && (waitedMs += lookMs) > graceMs) {
        // Its thread has ended, as a rule, and would be waited for by every job after this one.
        this.#state = new SharedArrayBuffer(4 * cellCount)
        this.#cells = new Int32Array(this.#state)
        throw new Error('bug: a helper does not step back', { cause: failure })
      }
      try {
        job.check()
      } catch (error) {
        failure ??= error
        Atomics.store(shared, cells.abandoned, 1)
      }
    }
    if (failure !== undefined) throw failure
  }

  #help({ state, id, count, helpers, work }: Offer<Work>): void {
    const shared = new Int32Array(state)
    const { isWanted, help } = this.#options
    if (isWanted() || Atomics.load(shared, cells.open) !== id) return
    // Joined first, asked whether that was in time after: the owner closes first and looks for helpers after.
    const before = Atomics.add(shared, cells.helpers, 1)
    let hasJoined = false
    try {
      if (before >= helpers || Atomics.load(shared, cells.open) !== id) return
      help(work, {
        next() {
          if (isWanted() || Atomics.load(shared, cells.taken) >= count || Atomics.add(shared, cells.taken, 1) >= count) return undefined
          if (!hasJoined) Atomics.add(shared, cells.joined, 1)
          hasJoined = true
          return count - 1 - Atomics.add(shared, cells.fromBack, 1)
        },
        goesOn: () => Atomics.load(shared, cells.abandoned) === 0,
        report: (number) => void Atomics.add(shared, cells.reported, number),
      })
    } catch {
      // What was left undone is the owner's again, who meets the same error and answers with it.
    } finally {
      Atomics.sub(shared, cells.helpers, 1)
      Atomics.notify(shared, cells.helpers)
    }
  }

  close(): void {
    Atomics.sub(this.#idle, 0, 1)
    for (const port of this.#ports) port.close()
  }
}

/** Whether the rest will take at least as long as others should be left in peace. */
function isWorthHelp(elapsedMs: number, done: number, count: number, patienceMs: number): boolean {
  return elapsedMs >= patienceMs && done > 0 && count - done > 1 && (elapsedMs / done) * (count - done) >= patienceMs
}
