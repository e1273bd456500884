import { expect, it } from 'vitest'
import { allTime, openTestStorage } from '../../test/helpers/testStorage.ts'
import { labelsFrom } from '../model/labels.ts'
import { createMatcher } from '../model/matcher.ts'
import { openQuerierSource } from './querierSource.ts'
import type { Querier } from './querier.ts'

it('ends the search for series when it is told to, and finds them the next time', async () => {
  const storage = await openTestStorage()
  const appender = storage.appender()
  for (let i = 0; i < 20_000; i++) appender.append(labelsFrom({ __name__: 'x', i: String(i) }), 1_700_000_000_000, 1)
  await appender.commit()
  const source = openQuerierSource(storage.querierInit())
  const byName = createMatcher('__name__', '=', 'x')
  const byValue = createMatcher('i', '=~', '1.*5')
  const alternatives = Array.from({ length: 20 }, (_, i) => [createMatcher('i', '=', String(i))])
  const searches: Readonly<Record<string, (querier: Querier) => number>> = {
    'values first': (querier) => querier.select([byValue], allTime).count,
    'series first': (querier) => querier.select([byName, byValue], allTime).count,
    'label sets': (querier) => querier.seriesLabels([[byName]], allTime, 0).length,
    'alternatives': (querier) => querier.seriesLabels(alternatives, allTime, 0).length,
    'label values': (querier) => querier.labelValues('i', alternatives, allTime, 0).length,
  }
  for (const [name, search] of Object.entries(searches)) {
    let looks = 0
    const ended = source.querier({
      check: () => {
        if (++looks === 5) throw new Error('over')
      },
    })
    expect(() => search(ended), name).toThrow('over')
    ended.close()
    const querier = source.querier()
    expect(search(querier), name).toBe(name.startsWith('values') || name.startsWith('series') ? 1_111 : name === 'label sets' ? 20_000 : 20)
    querier.close()
  }
  source.close()
  await storage.close()
})
