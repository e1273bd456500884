// Series by label matchers: the smallest posting list that a matcher gives is the start, and the other matchers are asked
// once per label value that occurs in it, not once per series.

import type { Kernels } from '../../src/kernels/kernels.ts'
import { matchesEmpty, type Matcher } from '../model/matcher.ts'
import type { HeadSymbols } from './headSymbols.ts'

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

/** Refs of all series that pass every matcher, ascending. `check` is called before each value that is matched, and may throw to end it. */
export function selectRefs(kernels: Kernels, symbols: HeadSymbols, matchers: readonly Matcher[], check: () => void): Uint32Array {
  const positive = matchers.filter((matcher) => !matchesEmpty(matcher))
  let start: Start | undefined = smallestStart(symbols, positive)
  if (start === undefined) {
    const first = positive[0]
    if (first !== undefined) {
      const name = symbols.find(first.name)
      const passes = (pair: number) => {
        check()
        return first.matches(symbols.pair(pair).value)
      }
      const pairs = name === 0 ? [] : [...symbols.pairsOfName(name)].filter(passes)
      start = { matcher: first, pairs, series: 0 }
    }
  }
  const refs = start === undefined ? symbols.allRefs() : union(start.pairs.map((pair) => symbols.postings(pair)))
  const rest = matchers.filter((matcher) => matcher !== start?.matcher)
  return rest.length === 0 || refs.length === 0 ? refs : filter({ kernels, symbols, check }, refs, rest)
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

/** All matchers of one label name, which is the `index`-th that has some. */
type Test = { readonly index: number; readonly name: number; readonly passes: (value: string) => boolean; readonly passesWithout: boolean }

// What is known of a pair, from `base` on: nothing below it; that it fails; that no matcher asks for its name; then the test
// that it passes.
const fails = 0
const isOther = 1
const firstTest = 2

type FilterDeps = { readonly kernels: Kernels; readonly symbols: HeadSymbols; readonly check: () => void }

function filter({ kernels, symbols, check }: FilterDeps, refs: Uint32Array, matchers: readonly Matcher[]): Uint32Array {
  const tests = [...Map.groupBy(matchers, ({ name }) => name)].map(([name, some], index): Test => {
    const passes = (value: string) => some.every((matcher) => matcher.matches(value))
    return { index, name: symbols.find(name), passes, passesWithout: some.every(matchesEmpty) }
  })
  if (tests.some(({ name, passesWithout }) => name === 0 && !passesWithout)) return new Uint32Array()
  const { marks, base } = symbols.pairMarks(firstTest + tests.length)
  const needed = tests.filter(({ passesWithout }) => !passesWithout).length
  const kept = new Uint32Array(refs.length)
  let count = 0
  const words = kernels.words
  const { exports } = kernels
  const testOf = new Map(tests.map((test) => [test.name, test]))
  const judge = (pair: number): number => {
    check()
    const test = testOf.get(exports.pairName(pair))
    const mark = test === undefined ? isOther : test.passes(symbols.pair(pair).value) ? firstTest + test.index : fails
    marks[pair] = base + mark
    return mark
  }
  for (const ref of refs) {
    const list = symbols.pairsOf(ref) / 4
    const end = list + (words[list] ?? 0)
    let found = 0
    let at = list + 1
    for (; at <= end; at++) {
      const pair = words[at] ?? 0
      const known = (marks[pair] ?? 0) - base
      const mark = known < 0 ? judge(pair) : known
      if (mark === fails) break
      if (mark >= firstTest && tests[mark - firstTest]?.passesWithout === false) found++
    }
    // A series has each name once, so all tests that need their label are met when as many are.
    if (at > end && found === needed) kept[count++] = ref
  }
  return kept.slice(0, count)
}
