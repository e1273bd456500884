import { describe, expect, it } from 'vitest'
import { positionsIn } from './positions.ts'

describe('positionsIn', () => {
  const marks = (what: string, query: string, message: string, expected: readonly string[]) =>
    it(`marks ${what}`, () => expect(positionsIn(message, query).map(({ from, to }) => query.slice(from, to))).toEqual(expected))

  marks('the word that a parse error names', 'up * nosuchfunc(up)', 'invalid parameter "query": 1:6: parse error: unknown function with name "nosuchfunc"', ['nosuchfunc'])
  marks('the last sign where the query ends too early', 'sum(up  ', 'invalid parameter "query": 1:9: parse error: unclosed left parenthesis', ['p'])
  marks('a place on a later line', 'sum(\n  up +\n  "a b"\n)', '3:3: parse error: binary expression must contain only scalar and instant vector types', ['"a b"'])
  marks('every error of several', 'foo(1) + bar(2)', 'invalid parameter "query": 1:1: parse error: unknown function with name "foo"\n1:10: parse error: unknown function with name "bar"', ['foo', 'bar'])
  marks('what an annotation names', 'rate(node_load1[5m])', 'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "node_load1" (1:6)', ['node_load1'])
  marks('the right word after letters of several bytes', '{"ü"="ü"} + nosuch()', 'invalid parameter "query": 1:15: parse error: unknown function with name "nosuch"', ['nosuch'])
  marks('nothing where a message names no place', 'up', 'query timed out in expression evaluation (2:00 long)', [])
  marks('nothing beyond the query', 'up', '7:1: parse error: unexpected', [])
})
