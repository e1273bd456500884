import { expect, it } from 'vitest'
import { parseQuery } from './parse.ts'
import { prettyText } from './print.ts'

it('breaks a long row into lines without putting each part of it together anew', () => {
  const row = Array.from({ length: 1_000 }, (_, i) => `x{a="${'y'.repeat(1_000)}${i}"}`)
  const startedMs = performance.now()
  const lines = prettyText(parseQuery(row.join(' or '))).split('\n')
  // More than two seconds when every part is, a tenth otherwise.
  expect(performance.now() - startedMs).toBeLessThan(1_500)
  expect(lines.map((line) => line.trim()).filter((line) => line !== 'or')).toEqual(row)
})
