// Whether a user's password is right. The comparison is slow on purpose and runs in a thread of its own, one after the
// other; its results are remembered, so that a client that comes every few seconds does not pay for it again.

import { createHmac, randomBytes } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { startsWithUsualCounts } from '../../src/base/tierUp.ts'
import type { PasswordAnswer, PasswordQuestion } from './passwordWorker.ts'

/** What a user that does not exist is compared with, so that the time of an answer does not tell who does. */
const nobodysHash = '$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi'

const maxRemembered = 100
/** The thread ends after this time without questions. */
const idleMs = 60_000
/** Questions waiting; more are answered with "no". */
const maxWaiting = 100

export class Passwords {
  /** Results are kept under a keyed digest: memory holds no password. */
  readonly #key = randomBytes(32)
  readonly #remembered = new Map<string, boolean>()
  readonly #waiting = new Map<number, (isRight: boolean) => void>()
  #worker: Worker | undefined
  #idle: NodeJS.Timeout | undefined
  #nextId = 1

  async isRight(users: ReadonlyMap<string, string>, user: string, password: string): Promise<boolean> {
    const hash = users.get(user)
    const digest = createHmac('sha256', this.#key).update(JSON.stringify([user, hash ?? '', password])).digest('base64')
    let result = this.#remembered.get(digest)
    if (result === undefined) {
      if (this.#waiting.size >= maxWaiting) return false
      result = (await this.#compare(password, hash ?? nobodysHash)) && hash !== undefined
      this.#remember(digest, result)
    }
    return result
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle)
    await this.#worker?.terminate()
  }

  #remember(digest: string, result: boolean): void {
    const oldest = this.#remembered.size >= maxRemembered ? this.#remembered.keys().next().value : undefined
    if (oldest !== undefined) this.#remembered.delete(oldest)
    this.#remembered.set(digest, result)
  }

  #compare(password: string, hash: string): Promise<boolean> {
    return new Promise((settle) => {
      const id = this.#nextId++
      this.#waiting.set(id, settle)
      this.#started().postMessage({ id, password, hash } satisfies PasswordQuestion)
    })
  }

  #started(): Worker {
    clearTimeout(this.#idle)
    if (this.#worker !== undefined) return this.#worker
    const worker = new Worker(new URL('./passwordWorker.ts', import.meta.url), { name: 'password', resourceLimits: { maxYoungGenerationSizeMb: 3 } })
    startsWithUsualCounts(worker)
    this.#worker = worker
    worker.unref()
    worker.on('message', ({ id, isRight }: PasswordAnswer) => {
      this.#waiting.get(id)?.(isRight)
      this.#waiting.delete(id)
      if (this.#waiting.size === 0) this.#idle = setTimeout(() => void worker.terminate(), idleMs).unref()
    })
    worker.on('error', () => {}) // What waits is answered when the thread has ended.
    worker.on('exit', () => {
      this.#worker = undefined
      for (const settle of this.#waiting.values()) settle(false)
      this.#waiting.clear()
    })
    return worker
  }
}
