import { expect, it } from 'vitest'
import { labelsFrom } from '../../storage/model/labels.ts'
import { labelsHashFraction, xxh64 } from './labelHash.ts'

it('is XXH64', () => {
  const hash = (text: string) => xxh64(Buffer.from(text)).toString(16)
  expect(hash('')).toBe('ef46db3751d8e999')
  expect(hash('a')).toBe('d24ec4f1a98c6e5b')
  expect(hash('abc')).toBe('44bc2cf5ad770999')
  expect(hash('Nobody inspects the spammish repetition')).toBe('fbcea83c8a378bf1')
})

it('spreads label sets evenly', () => {
  const fractions = Array.from({ length: 1000 }, (_, i) => labelsHashFraction(labelsFrom({ __name__: 'x', i: String(i), long: 'v'.repeat(i) })))
  for (const limit of [0.1, 0.5, 0.9]) expect(Math.abs(fractions.filter((fraction) => fraction < limit).length / 1000 - limit)).toBeLessThan(0.05)
})
