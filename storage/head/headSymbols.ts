// The index's symbols, pairs and label sets as JavaScript sees them: decoded once per worker, then cached.

import type { Kernels, Pointer } from '../../src/kernels/kernels.ts'
import { Span } from '../../src/kernels/span.ts'
import { compareBytes, metricNameLabel, sortByBytes, type Label, type Labels } from '../model/labels.ts'

/** A vector of u32 in shared memory, or its one element. */
type Vector = { readonly pointer: Pointer; readonly count: number }

export type NamedCount = { readonly name: string; readonly count: number }

export class HeadSymbols {
  readonly #kernels: Kernels
  #texts: (string | undefined)[] = []
  #pairs: (Label | undefined)[] = []
  readonly #labels = new Map<number, Labels>()
  /** By the symbol of a name: its pairs in the order of their values. */
  readonly #pairsByValue = new Map<number, readonly number[]>()
  /** By pair: a series that has it, and was in the time range that was asked about last. */
  #carriers: (number | undefined)[] = []
  readonly #key: Span
  #forgottenCount = 0
  #pairMarks = new Uint32Array(0)
  #nextMark = 1

  constructor(kernels: Kernels) {
    this.#kernels = kernels
    this.#key = new Span(kernels)
  }

  close(): void {
    this.#key.close()
  }

  /** Once the epoch is pinned: what was kept from before may be about series that are gone, under ids that others have now. */
  refresh(): void {
    const count = this.#kernels.exports.forgottenCount()
    if (count === this.#forgottenCount) return
    this.#forgottenCount = count
    this.#texts = []
    this.#pairs = []
    this.#labels.clear()
    this.#pairsByValue.clear()
    this.#carriers = []
  }

  text(symbol: number): string {
    const known = this.#texts[symbol]
    if (known !== undefined) return known
    const text = symbolText(this.#kernels, symbol)
    this.#texts[symbol] = text
    return text
  }

  /** The symbol's id, 0 when no label has the text as name or value. */
  find(text: string): number {
    const bytes = Buffer.from(text)
    const { exports } = this.#kernels
    this.#key.reserve(bytes.length + 16)
    this.#kernels.bytes.set(bytes, this.#key.pointer)
    return exports.findSymbol(this.#key.pointer, bytes.length)
  }

  /** The id of the pair of the name with id `name` and a value, 0 when no series has it. */
  findPair(name: number, value: string): number {
    const symbol = this.find(value)
    return symbol === 0 ? 0 : this.#kernels.exports.findPair(name, symbol)
  }

  pair(pair: number): Label {
    const known = this.#pairs[pair]
    if (known !== undefined) return known
    const { exports } = this.#kernels
    const label = { name: this.text(exports.pairName(pair)), value: this.text(exports.pairValue(pair)) }
    this.#pairs[pair] = label
    return label
  }

  /** A mark per pair id, all of them below `base`, for a user that sets them to `base` and up to below `base + count`; until the next call. */
  pairMarks(count: number): { readonly marks: Uint32Array; readonly base: number } {
    const maxPair = this.#kernels.exports.maxPair()
    if (this.#pairMarks.length <= maxPair || this.#nextMark + count > 0xffff_ffff) {
      this.#pairMarks = new Uint32Array(Math.max(maxPair + 1, Math.ceil(1.5 * this.#pairMarks.length)))
      this.#nextMark = 1
    }
    const base = this.#nextMark
    this.#nextMark += count
    return { marks: this.#pairMarks, base }
  }

  labels(ref: number): Labels {
    const known = this.#labels.get(ref)
    if (known !== undefined) return known
    const labels: Label[] = []
    const list = this.pairsOf(ref)
    const count = this.#kernels.word(list)
    for (let i = 1; i <= count; i++) labels.push(this.pair(this.#kernels.word(list + 4 * i)))
    this.#labels.set(ref, labels)
    return labels
  }

  /** Address of { count u32, pair ids u32... } of a series. */
  pairsOf(ref: number): Pointer {
    return this.#kernels.word(this.#kernels.exports.seriesRecord(ref))
  }

  /** The refs of series that have the pair, ascending. A copy. */
  postings(pair: number): Uint32Array {
    return this.#copy(vectorOf(this.#kernels.exports.pairPostings(pair)))
  }

  postingsCount(pair: number): number {
    return vectorOf(this.#kernels.exports.pairPostings(pair)).count
  }

  /** The pairs that have the name `symbol`, in order of arrival. A copy. */
  pairsOfName(symbol: number): Uint32Array {
    const name = this.#kernels.exports.findName(symbol)
    return name === 0 ? new Uint32Array() : this.#copy(vectorOf(this.#kernels.exports.nameValues(name)))
  }

  /** How many values the name `symbol` has. */
  valueCount(symbol: number): number {
    const name = this.#kernels.exports.findName(symbol)
    return name === 0 ? 0 : vectorOf(this.#kernels.exports.nameValues(name)).count
  }

  #copy({ pointer, count }: Vector): Uint32Array {
    if (count === 1) return Uint32Array.of(pointer)
    return this.#kernels.words.slice(pointer / 4, pointer / 4 + count)
  }

  /** All refs in use, ascending. */
  allRefs(): Uint32Array {
    const { exports } = this.#kernels
    const refs = new Uint32Array(exports.seriesCount())
    let count = 0
    for (let ref = exports.nextSeries(1); ref !== 0 && count < refs.length; ref = exports.nextSeries(ref + 1)) refs[count++] = ref
    return refs.subarray(0, count)
  }

  /** Of those among `refs`, or of all series, that `counts`. Sorted. */
  labelNames(refs: Uint32Array | undefined, counts: (ref: number) => boolean): string[] {
    const { exports } = this.#kernels
    const names = new Set<string>()
    if (refs === undefined) {
      for (let name = 1; name <= exports.nameCount(); name++) {
        if (this.#hasCarried(vectorOf(exports.nameValues(name)), counts)) names.add(this.text(exports.nameSymbol(name)))
      }
    } else {
      for (const pair of this.#carriedPairs(refs, new Uint8Array(exports.maxPair() + 1).fill(1), counts)) names.add(this.pair(pair).name)
    }
    return sortByBytes([...names])
  }

  labelValues(name: string, refs: Uint32Array | undefined, counts: (ref: number) => boolean): string[] {
    const symbol = this.find(name)
    if (symbol === 0) return []
    const values: string[] = []
    if (refs === undefined) {
      for (const pair of this.#sortedPairs(symbol)) if (this.#isCarried(pair, counts)) values.push(this.pair(pair).value)
      return values
    }
    const wanted = new Uint8Array(this.#kernels.exports.maxPair() + 1)
    for (const pair of this.pairsOfName(symbol)) wanted[pair] = 1
    for (const pair of this.#carriedPairs(refs, wanted, counts)) values.push(this.pair(pair).value)
    return sortByBytes(values)
  }

  /** The pairs that have the name `symbol`, in the order of their values. */
  #sortedPairs(symbol: number): readonly number[] {
    const known = this.#pairsByValue.get(symbol)
    if (known?.length === this.valueCount(symbol)) return known
    const pairOf = new Map(Array.from(this.pairsOfName(symbol), (pair) => [this.pair(pair).value, pair]))
    const pairs = sortByBytes([...pairOf.keys()]).map((value) => pairOf.get(value) as number) // one of the keys
    this.#pairsByValue.set(symbol, pairs)
    return pairs
  }

  /** Whether one of the pairs is carried; mostly the first one is, so that they are not copied. */
  #hasCarried({ pointer, count }: Vector, counts: (ref: number) => boolean): boolean {
    if (count === 1) return this.#isCarried(pointer, counts)
    for (let i = 0; i < count; i++) if (this.#isCarried(this.#kernels.word(pointer + 4 * i), counts)) return true
    return false
  }

  /** Whether a series that `counts` has the pair; mostly the one of the last time does, or the first one. */
  #isCarried(pair: number, counts: (ref: number) => boolean): boolean {
    const carrier = this.#carriers[pair]
    if (carrier !== undefined && counts(carrier)) return true
    const { pointer, count } = vectorOf(this.#kernels.exports.pairPostings(pair))
    for (let i = 0; i < count; i++) {
      const ref = count === 1 ? pointer : this.#kernels.word(pointer + 4 * i)
      if (!counts(ref)) continue
      this.#carriers[pair] = ref
      return true
    }
    return false
  }

  /** The pairs with a 1 in `wanted` that series among `refs` have which `counts`; only series that would add one are asked about. */
  #carriedPairs(refs: Uint32Array, wanted: Uint8Array, counts: (ref: number) => boolean): number[] {
    const found: number[] = []
    const words = this.#kernels.words
    for (const ref of refs) {
      const list = this.pairsOf(ref) / 4
      const end = list + (words[list] ?? 0)
      let isCounted: boolean | undefined
      for (let at = list + 1; at <= end && isCounted !== false; at++) {
        const pair = words[at] ?? 0
        if (wanted[pair] !== 1) continue
        isCounted ??= counts(ref)
        if (!isCounted) continue
        wanted[pair] = 0
        found.push(pair)
      }
    }
    return found
  }

  /** Sizes of the index's parts, for the status page. */
  counts(): {
    readonly seriesByMetricName: NamedCount[]
    readonly valuesByLabelName: NamedCount[]
    readonly bytesByLabelName: NamedCount[]
    readonly seriesByLabelPair: NamedCount[]
  } {
    const { exports } = this.#kernels
    const seriesByMetricName: NamedCount[] = []
    const seriesByLabelPair: NamedCount[] = []
    const values = new Map<string, number>()
    const bytes = new Map<string, number>()
    const maxPair = exports.maxPair()
    for (let pair = 1; pair <= maxPair; pair++) {
      const count = this.postingsCount(pair)
      if (count === 0) continue
      const { name, value } = this.pair(pair)
      if (name === metricNameLabel) seriesByMetricName.push({ name: value, count })
      seriesByLabelPair.push({ name: `${name}=${value}`, count })
      values.set(name, (values.get(name) ?? 0) + 1)
      bytes.set(name, (bytes.get(name) ?? 0) + Buffer.byteLength(value))
    }
    const sorted = (list: NamedCount[]) => list.sort((a, b) => b.count - a.count || compareBytes(a.name, b.name))
    const listed = (map: Map<string, number>) => sorted([...map].map(([name, count]) => ({ name, count })))
    return { seriesByMetricName: sorted(seriesByMetricName), valuesByLabelName: listed(values), bytesByLabelName: listed(bytes), seriesByLabelPair: sorted(seriesByLabelPair) }
  }
}

/** The text of a symbol that is in use. */
export function symbolText(kernels: Kernels, symbol: number): string {
  const blob = kernels.exports.symbolBlob(symbol)
  return kernels.bytes.toString('utf8', blob + 4, blob + 4 + kernels.word(blob))
}

function vectorOf(word: bigint): Vector {
  return { pointer: Number(word & 0xffff_ffffn), count: Number((word >> 32n) & 0xffff_ffffn) }
}
