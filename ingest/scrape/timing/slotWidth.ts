// How many targets share a slot. Offsets of targets are multiples of a step, so that targets are scraped together: what is
// done once for all of them is a large part of what a scrape costs. The more scrapes there are, the shorter the step, so that
// neither the event loop nor the network notices a slot.

/** Each divides the one before, so that slots of different steps still coincide. */
const stepsMs = [1000, 500, 250, 125] as const

/** As many scrapes take some ten milliseconds of the event loop. */
const maxScrapesPerSlot = 50

/** Of an interval at least so many slots are used. */
const minSlots = 5

export class SlotWidth {
  /** Scrapes per second. */
  readonly #rates = new Map<object, number>()

  /** The targets of a job from now on. */
  set(job: object, targets: Iterable<{ readonly intervalMs: number }>): void {
    let perSecond = 0
    for (const { intervalMs } of targets) perSecond += 1000 / intervalMs
    if (perSecond === 0) this.#rates.delete(job)
    else this.#rates.set(job, perSecond)
  }

  /** What the offset of a target that starts now is to be a multiple of. One that runs keeps its offset. */
  stepMs(intervalMs: number): number {
    let perSecond = 0
    for (const rate of this.#rates.values()) perSecond += rate
    const isNarrow = (stepMs: number) => stepMs * minSlots <= intervalMs
    return stepsMs.find((stepMs) => isNarrow(stepMs) && (perSecond * stepMs) / 1000 <= maxScrapesPerSlot) ?? stepsMs.findLast(isNarrow) ?? 1
  }
}
