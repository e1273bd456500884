import { expect, it } from 'vitest'
import { allTime, openTestStorage } from '../../test/helpers/testStorage.ts'
import { labelsFrom, labelValue } from '../model/labels.ts'
import { createMatcher } from '../model/matcher.ts'
import { openQuerierSource } from '../querier/querierSource.ts'

it('gives the same list until there is another series', async () => {
  const storage = await openTestStorage()
  const write = async (name: string, a: string) => {
    const appender = storage.appender()
    appender.append(labelsFrom({ __name__: name, a }), 1_700_000_000_000, 1)
    await appender.commit()
  }
  const source = openQuerierSource(storage.querierInit())
  const select = (op: '=' | '=~', value: string) => {
    const querier = source.querier()
    const selection = querier.select([createMatcher('__name__', '=', 'x'), createMatcher('a', op, value)], allTime)
    const found = Array.from(selection.refs, (_, i) => labelValue(selection.labels(i), 'a'))
    querier.close()
    return { refs: selection.refs, found }
  }
  await write('x', '1')
  await write('x', '2')
  const first = select('=~', '[12]')
  expect(first.found).toEqual(['1', '2'])
  expect(select('=~', '[12]').refs).toBe(first.refs)
  expect(select('=', '2').found).toEqual(['2'])
  await write('x', '12')
  await write('y', '1')
  expect(select('=~', '[12]').found).toEqual(['1', '2'])
  expect(select('=~', '1.?').found).toEqual(['1', '12'])
  await write('x', '1b')
  expect(select('=~', '1.?').found).toEqual(['1', '12', '1b'])
  source.close()
  await storage.close()
})

it('forgets lists when their matchers are long', async () => {
  const storage = await openTestStorage()
  const source = openQuerierSource(storage.querierInit())
  const querier = source.querier()
  const refsOf = (value: string) => querier.select([createMatcher('a', '=', value)], allTime).refs
  const first = refsOf('1')
  expect(refsOf('1')).toBe(first)
  for (let i = 0; i < 12; i++) refsOf(`${i}${'-'.repeat(400_000)}`)
  expect(refsOf('1')).not.toBe(first)
  querier.close()
  source.close()
  await storage.close()
})
