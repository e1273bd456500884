// Series by label matchers: the smallest posting list that a matcher gives is the start, and the other matchers are asked
// once per label value that occurs in it, not once per series.

import type { Kernels } from '../src/kernels/kernels.ts'
import type { HeadSymbols } from './headSymbols.ts'
import { matchesEmpty, type Matcher } from './matcher.ts'

/** The label pairs of one matcher that is the first to be looked at, and how many series have one of them. */
type Start = { readonly matcher: Matcher; readonly pairs: readonly number[]; readonly series: number }

/** How many series are looked at to find those that pass every matcher; Infinity when values have to be searched for. */
export function candidateCount(symbols: HeadSymbols, matchers: readonly Matcher[]): number {
  return smallestStart(symbols, matchers.filter((matcher) => !matchesEmpty(matcher)))?.series ?? Infinity
}

/** What is known beforehand to be small comes first: a matcher without literals must look at every value of its name. */
function smallestStart(symbols: HeadSymbols, positive: readonly Matcher[]): Start | undefined {
  let start: Start | undefined
  for (const matcher of positive) {
    const pairs = pairsOf(symbols, matcher)
    if (pairs === undefined) continue
    const series = pairs.reduce((sum, pair) => sum + symbols.postingsCount(pair), 0)
    if (start === undefined || series < start.series) start = { matcher, pairs, series }
  }
  return start
}

/** Refs of all series that pass every matcher, ascending. */
export function selectRefs(kernels: Kernels, symbols: HeadSymbols, matchers: readonly Matcher[]): Uint32Array {
  const positive = matchers.filter((matcher) => !matchesEmpty(matcher))
  let start: Start | undefined = smallestStart(symbols, positive)
  if (start === undefined) {
    const first = positive[0]
    if (first !== undefined) {
      const name = symbols.find(first.name)
      const pairs = name === 0 ? [] : [...symbols.pairsOfName(name)].filter((pair) => first.matches(symbols.pair(pair).value))
      start = { matcher: first, pairs, series: 0 }
    }
  }
  const refs = start === undefined ? symbols.allRefs() : union(start.pairs.map((pair) => symbols.postings(pair)))
  const rest = matchers.filter((matcher) => matcher !== start?.matcher)
  return rest.length === 0 || refs.length === 0 ? refs : filter(kernels, symbols, refs, rest)
}

/** The label pairs that a matcher with known values lets pass; `undefined` when its values are not known. */
function pairsOf(symbols: HeadSymbols, matcher: Matcher): readonly number[] | undefined {
  if (matcher.literals === undefined) return undefined
  const name = symbols.find(matcher.name)
  if (name === 0) return []
  const pairs: number[] = []
  for (const literal of matcher.literals) {
    const pair = symbols.findPair(name, literal)
    if (pair !== 0) pairs.push(pair)
  }
  return pairs
}

function union(lists: readonly Uint32Array[]): Uint32Array {
  if (lists.length === 1 && lists[0] !== undefined) return lists[0]
  // A series has a label name once, so the lists have no ref in common.
  const all = new Uint32Array(lists.reduce((sum, list) => sum + list.length, 0))
  let at = 0
  for (const list of lists) {
    all.set(list, at)
    at += list.length
  }
  return all.sort()
}

function filter(kernels: Kernels, symbols: HeadSymbols, refs: Uint32Array, matchers: readonly Matcher[]): Uint32Array {
  const tests = matchers.map((matcher) => ({ matcher, name: symbols.find(matcher.name), empty: matchesEmpty(matcher), passes: new Map<number, boolean>() }))
  const kept = new Uint32Array(refs.length)
  let count = 0
  const words = kernels.words
  const { exports } = kernels
  for (const ref of refs) {
    const list = symbols.pairsOf(ref) / 4
    const pairCount = words[list] ?? 0
    let isKept = true
    for (const test of tests) {
      let passes = test.empty
      if (test.name !== 0) {
        for (let i = 1; i <= pairCount; i++) {
          const pair = words[list + i] ?? 0
          let known = test.passes.get(pair)
          if (known === undefined) {
            if (exports.pairName(pair) !== test.name) continue
            known = test.matcher.matches(symbols.pair(pair).value)
            test.passes.set(pair, known)
          }
          passes = known
          break
        }
      }
      if (!passes) {
        isKept = false
        break
      }
    }
    if (isKept) kept[count++] = ref
  }
  return kept.slice(0, count)
}
