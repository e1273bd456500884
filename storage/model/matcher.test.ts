import { describe, expect, it } from 'vitest'
import { createRandom } from '../../test/helpers/random.ts'
import { compileAnchored, createMatcher } from './matcher.ts'

describe('a regular expression of plain alternatives', () => {
  const means = (pattern: string, literals: readonly string[] | undefined) =>
    it(`${pattern} is ${literals === undefined ? 'not one' : literals.map((one) => JSON.stringify(one)).join(' or ')}`, () =>
      expect(createMatcher('a', '=~', pattern).literals).toEqual(literals))
  means('a', ['a'])
  means('a|b|a', ['a', 'b'])
  means('a|', ['a', ''])
  means('', [''])
  means('(a|b)', ['a', 'b'])
  means('(?:a|b)', ['a', 'b'])
  means('(?i:a|b)', undefined)
  means('(a)|(b)', undefined)
  means('((a|b))', undefined)
  means(String.raw`(10\.0\.0\.1:9100|10\.0\.0\.2:9100)`, ['10.0.0.1:9100', '10.0.0.2:9100'])
  means(String.raw`a\|b|\\|c\-d`, ['a|b', '\\', 'c-d'])
  means(String.raw`a\d|b`, undefined)
  means(String.raw`a\.b.c`, undefined)
})

it('matches what the expression engine does', () => {
  const random = createRandom()
  const parts = ['a', 'b', '|', '(', ')', '(?:', '\\.', '\\|', '\\\\', '\\(', '.', '-', '\\-', 'é', '\\_', '\n', '\\\n']
  const texts = ['', 'a', 'b', 'ab', '.', 'a.b', '|', 'a|b', '\\', '(', '-', 'a-', 'é', '_', '\n', 'aa', '\\.']
  let plain = 0
  for (let round = 0; round < 3_000; round++) {
    let pattern = Array.from({ length: random.below(6) }, () => random.pick(parts)).join('')
    if (random.below(3) === 0) pattern = `(${pattern})`
    let engine: ReturnType<typeof compileAnchored>
    try {
      engine = compileAnchored(pattern)
    } catch {
      continue
    }
    const matcher = createMatcher('a', '=~', pattern)
    if (matcher.literals !== undefined) plain++
    const all = [...texts, ...(matcher.literals ?? [])]
    const wrong = all.filter((text) => matcher.matches(text) !== engine.matches(text))
    expect(wrong, `seed ${random.seed}: ${pattern}`).toEqual([])
  }
  expect(plain).toBeGreaterThan(300)
})
