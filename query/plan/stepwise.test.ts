import { describe, expect, it } from 'vitest'
import { parseQuery } from '../language/parse.ts'
import { lookaheadOf } from './stepwise.ts'

const lookahead = (query: string) => lookaheadOf(parseQuery(query, new Set(['promql-experimental-functions', 'promql-duration-expr'])))

describe('a query whose steps can be taken from an earlier answer', () => {
  const sees = (query: string, lookaheadMs: number) => it(`sees ${lookaheadMs} ms ahead in ${query}`, () => expect(lookahead(query)).toBe(lookaheadMs))
  sees('up', 0)
  sees('up offset 5m', 0)
  sees('up offset -5m', 300_000)
  sees('sum by (job) (rate(x_total[5m] offset -1m)) / sum(y offset -2m)', 120_000)
  sees('max_over_time((x offset -1m)[10m:1m] offset -2m)', 180_000)
  sees('max_over_time((x offset -1m)[10m:1m] offset 2m)', 0)
  sees('histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))', 0)
  sees('topk(3, rate(x_total[5m]))', 0)
  sees('x or vector(0)', 0)
})

describe('a query that is evaluated whole', () => {
  const isWhole = (query: string) => it(`is ${query}`, () => expect(lookahead(query)).toBeUndefined())
  isWhole('up @ 1000')
  isWhole('up @ end()')
  isWhole('rate(x_total[5m] @ start())')
  isWhole('{job="a"}')
  isWhole('{__name__=~"a|b"}')
  isWhole('topk(3, sum by (pod) (x))')
  isWhole('-(x or y)')
  isWhole('label_replace(x, "a", "b", "c", "d")')
  isWhole('limitk(2, x)')
  isWhole('predict_linear(x[1h], 600)')
  isWhole('x offset step()')
})
