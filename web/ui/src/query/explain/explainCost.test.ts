import { describe, expect, it } from 'vitest'
import type { Explained } from '../../api/shapes.ts'
import { planCost, requestTimes } from './explainCost.ts'

const part = (expression: string, seconds: number, fields: Partial<Explained> = {}, ...children: Explained[]): Explained =>
  ({ node: 'call', expression, seconds, constant: false, series: 1, samplesRead: 0, chunksDecoded: 0, workers: 1, children, ...fields })

describe('planCost', () => {
  const plan = part('a / b', 10, { node: 'binary' },
    part('rate(x[5m])', 6, { node: 'rangeCall' }, part('x[5m]', 0, { node: 'windows', samplesRead: 300, chunksDecoded: 7 })),
    part('b', 3, { node: 'selector', samplesRead: 100, chunksDecoded: 2 }),
  )
  const cost = planCost(plan)

  it('gives each part what is left of its time without the parts below it', () =>
    expect(cost.rows.map(({ part: { expression }, depth, ownShare, belowShare }) => [expression, depth, ownShare, belowShare])).toEqual([
      ['a / b', 0, 0.1, 0.9], ['rate(x[5m])', 1, 0.6, 0], ['x[5m]', 2, 0, 0], ['b', 1, 0.3, 0],
    ]))
  it('adds up what was read', () => expect(cost).toMatchObject({ samplesRead: 400, chunksDecoded: 9 }))
  it('says which selector read most, and that a function reads for it', () =>
    expect(cost.rows.filter(({ samplesShare }) => samplesShare > 0).map(({ part: { expression }, samplesShare, isReadAbove }) => [expression, samplesShare, isReadAbove])).toEqual([['x[5m]', 0.75, true], ['b', 0.25, false]]))
  it('names the costliest part', () => expect(cost.costliest?.part.expression).toBe('rate(x[5m])'))
  it('takes parts whose clocks disagree with the whole', () => expect(planCost(part('a', 1, {}, part('b', 1.1))).rows.map((row) => [row.ownShare, row.belowShare])).toEqual([[0, 1], [1, 0]]))
  it('takes a query without time', () => expect(planCost(part('1', 0)).costliest).toBeUndefined())
})

describe('requestTimes', () => {
  it('divides all of the time that the request took', () => {
    const times = requestTimes({ execQueueTime: 1, queryPreparationTime: 2, innerEvalTime: 4 }, 16)
    expect(times.map(({ seconds }) => seconds)).toEqual([1, 2, 4, 9])
  })
})
