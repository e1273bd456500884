// Finding names by what a person remembers of them: metric names, label names and label values that hold one of several
// search texts, or come near one, with a score from 0 to 1.

import { compareBytes } from '../../storage/model/labels.ts'

export type FuzzAlgorithm = 'subsequence' | 'jarowinkler'

export type SearchOptions = {
  /** Alternatives; none finds everything. */
  readonly texts: readonly string[]
  readonly isCaseSensitive: boolean
  /** From 0 to 1: the least score of what only comes near. 0 finds only what holds a text. */
  readonly threshold: number
  readonly algorithm: FuzzAlgorithm
  readonly sortBy: 'alpha' | 'score'
  readonly isDescending: boolean
  /** At least 1. */
  readonly limit: number
}

export type Found = { readonly text: string; readonly score: number }

/** Sorted as asked, the first `limit` of them; `hasMore` when there are others. */
export function search(candidates: readonly string[], options: SearchOptions): { readonly found: Found[]; readonly hasMore: boolean } {
  const fold = options.isCaseSensitive ? (text: string) => text : (text: string) => text.toLowerCase()
  const wanted = options.texts.map(fold)
  const found: Found[] = []
  for (const text of candidates) {
    const score = wanted.length === 0 ? 1 : Math.max(...wanted.map((one) => scoreOf(fold(text), one, options)))
    if (score > 0) found.push({ text, score })
  }
  const direction = options.isDescending ? -1 : 1
  if (options.sortBy === 'score') found.sort((a, b) => b.score - a.score || compareBytes(a.text, b.text))
  else found.sort((a, b) => direction * compareBytes(a.text, b.text))
  return { found: found.slice(0, options.limit), hasMore: found.length > options.limit }
}

/** 0 when it does not count. What holds the text is worth more than what only comes near, the whole and the beginning most. */
function scoreOf(text: string, wanted: string, { threshold, algorithm }: SearchOptions): number {
  if (wanted === '' || text === wanted) return 1
  const at = text.indexOf(wanted)
  const share = wanted.length / text.length
  if (at >= 0) return (at === 0 ? 0.9 : 0.8) + 0.1 * share
  if (threshold === 0) return 0
  const near = algorithm === 'subsequence' ? subsequenceScore(text, wanted) : jaroWinkler(text, wanted)
  return near >= threshold ? Math.min(near, 0.8) : 0
}

/** How close together the characters of `wanted` follow each other in `text`; 0 when they do not all. */
function subsequenceScore(text: string, wanted: string): number {
  let best = 0
  for (let start = text.indexOf(wanted[0] ?? ''); start >= 0; start = text.indexOf(wanted[0] ?? '', start + 1)) {
    let end = start
    for (let i = 1; i < wanted.length && end >= 0; i++) end = text.indexOf(wanted[i] ?? '', end + 1)
    if (end < 0) break
    best = Math.max(best, wanted.length / (end - start + 1))
  }
  return best
}

/** Similarity of two texts: characters that match nearby, with a bonus for a common beginning (Winkler, 1990). */
function jaroWinkler(a: string, b: string): number {
  const reach = Math.max(0, Math.floor(Math.max(a.length, b.length) / 2) - 1)
  const matchedB = new Uint8Array(b.length)
  const commonA: string[] = []
  for (let i = 0; i < a.length; i++) {
    const to = Math.min(b.length, i + reach + 1)
    for (let k = Math.max(0, i - reach); k < to; k++) {
      if (matchedB[k] === 1 || a[i] !== b[k]) continue
      matchedB[k] = 1
      commonA.push(a[i] ?? '')
      break
    }
  }
  const common = commonA.length
  if (common === 0) return 0
  const commonB = [...b].filter((_, k) => matchedB[k] === 1)
  const transpositions = commonA.filter((character, i) => character !== commonB[i]).length / 2
  const jaro = (common / a.length + common / b.length + (common - transpositions) / common) / 3
  let prefix = 0
  while (prefix < 4 && prefix < a.length && a[prefix] === b[prefix]) prefix++
  return jaro + prefix * 0.1 * (1 - jaro)
}
