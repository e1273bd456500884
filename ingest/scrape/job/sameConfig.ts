// Whether two pieces of configuration mean the same, secrets included: a reload that only changes a password must not
// pass for no change.

import { Secret } from '../../../src/base/secret.ts'

/** Deep equality of plain configuration values. */
export function sameConfig(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (a instanceof Secret || b instanceof Secret) return a instanceof Secret && b instanceof Secret && a.reveal() === b.reveal()
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false
  const left = definedEntries(a)
  const right = new Map(definedEntries(b))
  return left.length === right.size && left.every(([key, value]) => right.has(key) && sameConfig(value, right.get(key)))
}

/** A key that is absent and one that is `undefined` are the same. */
function definedEntries(value: object): [string, unknown][] {
  return Object.entries(value).filter(([, one]) => one !== undefined)
}
