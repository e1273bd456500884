// What every crash test expects at its end.

import { expect } from 'vitest'
import { findLosses } from './losses.ts'

/**
 * Every sample of an acknowledged batch is there with its value, nothing is there twice or that was not written, and the check
 * is clean; `batches` bounds the numbers that were tried. Samples before `keptFromMs` may have gone.
 */
export async function expectAllThere(dir: string, acknowledged: readonly number[], batches: number, keptFromMs?: number): Promise<void> {
  expect(acknowledged.length).toBeGreaterThan(0)
  const { missing, invented, problems } = await findLosses(dir, acknowledged, batches, keptFromMs)
  expect(missing.slice(0, 5), `${missing.length} missing`).toEqual([])
  expect(invented.slice(0, 5), `${invented.length} invented`).toEqual([])
  expect(problems).toEqual([])
}
