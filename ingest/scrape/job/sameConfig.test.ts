import { describe, expect, it } from 'vitest'
import { Secret } from '../../../src/base/secret.ts'
import { sameConfig } from './sameConfig.ts'

describe('sameConfig', () => {
  const compares = (claim: string, a: unknown, b: unknown, expected: boolean) => it(claim, () => expect(sameConfig(a, b)).toBe(expected))
  compares('finds equal structures equal', { a: [1, { b: 'x' }], c: 1n }, { c: 1n, a: [1, { b: 'x' }] }, true)
  compares('sees another order in a list', [1, 2], [2, 1], false)
  compares('sees a key too many', { a: 1 }, { a: 1, b: 2 }, false)
  compares('takes absent and undefined for the same', { a: 1, b: undefined }, { a: 1 }, true)
  compares('tells a list from an object', [], {}, false)
  compares('compares secrets by what they hide', { p: new Secret('a') }, { p: new Secret('a') }, true)
  compares('sees that a secret has changed', { p: new Secret('a') }, { p: new Secret('b') }, false)
  compares('tells a secret from its text', { p: new Secret('a') }, { p: 'a' }, false)
})
