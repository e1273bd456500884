// Random values for property tests, the same again for the same seed. A failing test prints its seed; giving it back as
// SEED repeats the run.

export type Random = {
  readonly seed: number
  /** A whole number from 0 to below `limit`. */
  below(limit: number): number
  pick<T>(list: readonly T[]): T
}

export function createRandom(seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000)): Random {
  let state = seed >>> 0
  const next = () => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return { seed, below, pick: (list) => list[below(list.length)] as (typeof list)[number] } // lists are not empty
}
