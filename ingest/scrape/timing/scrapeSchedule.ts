// When a target is scraped: on slots of its interval that stay the same over restarts, shifted by the target's offset.
// Pure; the timers are in scrapeLoop.ts.

export type ScrapeGrid = { readonly intervalMs: number; readonly offsetMs: number }

/** The first slot after `nowMs`. */
export function slotAfter(nowMs: number, { intervalMs, offsetMs }: ScrapeGrid): number {
  return Math.floor((nowMs - offsetMs) / intervalMs) * intervalMs + offsetMs + intervalMs
}

/**
 * The slot to scrape next, when the one of `slotMs` is done at `nowMs`. Slots that passed meanwhile are made good by one
 * scrape at once, as a Go ticker does: a target that always takes the whole interval is still scraped in each. When the
 * clock was set back, the slots begin anew.
 */
export function followingSlot(slotMs: number, nowMs: number, grid: ScrapeGrid): number {
  const next = slotMs + grid.intervalMs
  if (next > nowMs) return next - nowMs > grid.intervalMs * 2 ? slotAfter(nowMs, grid) : next
  return slotAfter(nowMs, grid) - grid.intervalMs
}

/** The time of the samples: that of the slot when the timer was on time, so that times compress to nothing. */
export function alignedTimeMs(nowMs: number, slotMs: number, intervalMs: number, toleranceMs: number): number {
  return Math.abs(nowMs - slotMs) <= Math.min(intervalMs / 100, toleranceMs) ? slotMs : nowMs
}
