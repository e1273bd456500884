// Which series matchers select, remembered from query to query until there are other series: dashboards ask for the same ones
// every few seconds.

import type { Kernels } from '../../src/kernels/kernels.ts'
import type { Matcher } from '../model/matcher.ts'
import { selectRefs } from './headSelect.ts'
import type { HeadSymbols } from './headSymbols.ts'

/** Refs kept, of all selections together: 4 MB. */
const maxRefs = 1_000_000
/** What a selection counts for besides its refs and the text of its matchers. */
const selectionRefs = 100

/** Parsed queries are kept too, and their matchers with them. */
const keys = new WeakMap<readonly Matcher[], string>()

function keyOf(matchers: readonly Matcher[]): string {
  let key = keys.get(matchers)
  if (key === undefined) keys.set(matchers, (key = matchers.map(({ name, op, value }) => `${name}\xff${op}\xff${value}`).join('\xfe')))
  return key
}

export class KeptSelections {
  readonly #kernels: Kernels
  readonly #symbols: HeadSymbols
  readonly #kept = new Map<string, Uint32Array>()
  #refs = 0
  #listed = -1
  #forgotten = -1

  constructor(kernels: Kernels, symbols: HeadSymbols) {
    this.#kernels = kernels
    this.#symbols = symbols
  }

  /** While the epoch is pinned. See `HeadReader.select`. */
  select(matchers: readonly Matcher[], check: () => void): Uint32Array {
    const { exports } = this.#kernels
    // Before the look at the index: a series that comes meanwhile is looked for the next time.
    const listed = exports.listedCount()
    const forgotten = exports.forgottenCount()
    if (listed !== this.#listed || forgotten !== this.#forgotten) this.#clear()
    this.#listed = listed
    this.#forgotten = forgotten
    const key = keyOf(matchers)
    const known = this.#kept.get(key)
    if (known !== undefined) return known
    const refs = selectRefs(this.#kernels, this.#symbols, matchers, check)
    if (this.#refs > maxRefs) this.#clear()
    this.#refs += refs.length + selectionRefs + key.length / 4
    this.#kept.set(key, refs)
    return refs
  }

  #clear(): void {
    this.#kept.clear()
    this.#refs = 0
  }
}
