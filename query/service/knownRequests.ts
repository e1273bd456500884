// Which requests came before, and what was found out about them. Requests for the same at other times are one.

import type { KeptProgram } from '../program/programs.ts'

/** Of requests with the same text that take as long as each other. */
export type KnownRequest = {
  readonly kind: string
  readonly stepMs: number
  readonly rangeMs: number
  /** Nothing in its text takes long. */
  readonly isPlain: boolean
  failures: number
  pausedUntilMs: number
  /** Version of the index in which it was found to be small. */
  smallAt: number
  /** How often it was tried since. */
  tries: number
  program: KeptProgram | undefined
  /** By the count of all requests. */
  usedAt: number
}

/** A longer text takes long to parse. */
const maxTextLength = 500
/** In a regular expression, a count of repetitions: few characters that take long to compile and to match. */
const repetition = /\{\d/
const maxKept = 1_000

export class KnownRequests {
  readonly #byText = new Map<string, KnownRequest[]>()
  #count = 0
  #asked = 0

  /** `undefined` when the request comes for the first time, or the first time in a while: parsing it here would not pay. */
  recall(text: string, kind: string, stepMs: number, rangeMs: number): KnownRequest | undefined {
    if (text.length > maxTextLength) return undefined
    const usedAt = this.#asked++
    const ofText = this.#byText.get(text)
    if (ofText !== undefined) {
      for (const known of ofText) {
        if (known.kind !== kind || known.stepMs !== stepMs || known.rangeMs !== rangeMs) continue
        known.usedAt = usedAt
        return known
      }
    }
    if (this.#count === maxKept) this.#forget()
    this.#count++
    const isPlain = !repetition.test(text)
    const added = { kind, stepMs, rangeMs, isPlain, failures: 0, pausedUntilMs: 0, smallAt: -1, tries: 0, program: undefined, usedAt }
    if (ofText === undefined) this.#byText.set(text, [added])
    else ofText.push(added)
    return undefined
  }

  /** All that were not among the last requests, half as many as are kept. */
  #forget(): void {
    const since = this.#asked - maxKept / 2
    this.#count = 0
    for (const [text, ofText] of this.#byText) {
      const kept = ofText.filter(({ usedAt }) => usedAt >= since)
      this.#count += kept.length
      if (kept.length > 0) this.#byText.set(text, kept)
      else this.#byText.delete(text)
    }
  }
}
