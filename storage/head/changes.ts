// Since when is what was read no longer true? The main thread notes the oldest time of every commit to the head; whoever
// keeps something that was made of samples asks from which time on they may have changed since. Deletions are not here:
// they change the generation of partitions.

/** As of one moment; survives structured cloning. */
export type Changes = {
  /** Greater at each later moment. What is read from here on belongs to it. */
  readonly sequence: number
  /** Pairs of a sequence and the oldest time of what was written between it and the sequence after it; both ascend. */
  readonly written: Float64Array<ArrayBuffer>
}

/** Before there are more they are thinned out: old ones stand for longer spans then. */
const maxEntries = 256

export class ChangeLog {
  #sequence = 0
  /** The oldest time of what was written since the last snapshot. */
  #pendingMs = Infinity
  /** Ascending in both; of an entry that a later one reaches behind nothing is left. */
  #entries: { sequence: number; readonly oldestMs: number }[] = []
  #latest: Changes = { sequence: 0, written: new Float64Array() }

  /** Samples from `oldestMs` on are there, or are about to be before anybody else runs. */
  note(oldestMs: number): void {
    if (oldestMs < this.#pendingMs) this.#pendingMs = oldestMs
  }

  snapshot(): Changes {
    if (this.#pendingMs === Infinity) return this.#latest
    while ((this.#entries.at(-1)?.oldestMs ?? -Infinity) >= this.#pendingMs) this.#entries.pop()
    this.#entries.push({ sequence: this.#sequence, oldestMs: this.#pendingMs })
    this.#pendingMs = Infinity
    this.#sequence++
    if (this.#entries.length > maxEntries) this.#thinOut()
    this.#latest = { sequence: this.#sequence, written: this.#written() }
    return this.#latest
  }

  /** Asked for by each range query, on the main thread. */
  #written(): Float64Array<ArrayBuffer> {
    const written = new Float64Array(2 * this.#entries.length)
    this.#entries.forEach(({ sequence, oldestMs }, i) => {
      written[2 * i] = sequence
      written[2 * i + 1] = oldestMs
    })
    return written
  }

  /** Of the older half each second entry goes, its span to the one before. */
  #thinOut(): void {
    const half = this.#entries.length >> 1
    const kept: { sequence: number; readonly oldestMs: number }[] = []
    this.#entries.forEach((entry, i) => {
      const before = kept.at(-1)
      if (i < half && i % 2 === 1 && before !== undefined) before.sequence = entry.sequence
      else kept.push(entry)
    })
    this.#entries = kept
  }
}

/** What was read at moment `sequence` holds for all times before the result; Infinity when nothing was written since. */
export function unchangedBeforeMs({ written }: Changes, sequence: number): number {
  for (let i = 0; i < written.length; i += 2) if ((written[i] as number) >= sequence) return written[i + 1] as number // pairs
  return Infinity
}
