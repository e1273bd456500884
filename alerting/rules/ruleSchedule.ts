// When a rule group is evaluated: at slots that lie a fixed offset after the multiples of its interval, so that groups are
// spread over the interval and each keeps its slots over a restart. A slot that passes during a slow evaluation is skipped.
// When the clock is set back, the slots are those of the new time.

import { maxTimerMs } from '../../src/base/timer.ts'

export type RuleScheduleOptions = {
  /** Decides the offset. */
  readonly key: string
  readonly intervalMs: number
  readonly nowMs: () => number
  /** Called for one slot after another, never twice at a time; must not reject. */
  readonly onSlot: (slotMs: number) => Promise<void>
  readonly onMissed: (count: number) => void
}

export class RuleSchedule {
  readonly #options: RuleScheduleOptions
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #stopped = false
  #lastSlotMs = 0

  constructor(options: RuleScheduleOptions) {
    this.#options = options
  }

  /** The first slot is the next one. */
  start(): void {
    const { key, intervalMs, nowMs } = this.#options
    this.#lastSlotMs = slotBefore(key, intervalMs, nowMs())
    this.#wait()
  }

  /** Waits for the slot under way. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#running
  }

  #wait(): void {
    if (this.#stopped) return
    const { key, intervalMs, nowMs } = this.#options
    if (this.#isSetBack()) this.#lastSlotMs = slotBefore(key, intervalMs, nowMs())
    const waitMs = Math.max(0, this.#lastSlotMs + intervalMs - nowMs())
    this.#timer = setTimeout(() => (waitMs > maxTimerMs ? this.#wait() : this.#run()), Math.min(waitMs, maxTimerMs))
  }

  #run(): void {
    const { intervalMs, nowMs, onSlot, onMissed } = this.#options
    if (this.#isSetBack()) {
      this.#wait()
      return
    }
    const missed = Math.max(0, Math.floor((nowMs() - this.#lastSlotMs) / intervalMs) - 1)
    if (missed > 0) onMissed(missed)
    this.#lastSlotMs += (missed + 1) * intervalMs
    this.#running = onSlot(this.#lastSlotMs).then(() => this.#wait())
  }

  /** Whether the clock was set back since the last slot, by so much that waiting for the next one would leave some out. */
  #isSetBack(): boolean {
    const { intervalMs, nowMs } = this.#options
    return nowMs() < this.#lastSlotMs - intervalMs
  }
}

/** The newest slot that is not after `nowMs`. */
function slotBefore(key: string, intervalMs: number, nowMs: number): number {
  const offsetMs = Number(fnv1a(key) % BigInt(intervalMs))
  return nowMs - ((((nowMs - offsetMs) % intervalMs) + intervalMs) % intervalMs)
}

/** A stable hash of a text, FNV-1a with 64 bits. */
function fnv1a(text: string): bigint {
  let hash = 0xcbf29ce484222325n
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  return hash
}
