import { describe, expect, it } from 'vitest'
import { search, type SearchOptions } from './search.ts'

const names = ['node_cpu_seconds_total', 'node_memory_Active_bytes', 'process_cpu_seconds_total', 'scrape_duration_seconds', 'up']

const find = (texts: string[], options: Partial<SearchOptions> = {}) =>
  search(names, { texts, isCaseSensitive: true, threshold: 0, algorithm: 'subsequence', sortBy: 'alpha', isDescending: false, limit: 100, ...options })

const texts = (...given: Parameters<typeof find>) => find(...given).found.map(({ text }) => text)

describe('search', () => {
  it('finds everything without a text', () => expect(texts([])).toEqual(names))

  it('finds what holds one of the texts', () => {
    expect(texts(['cpu', 'up'])).toEqual(['node_cpu_seconds_total', 'process_cpu_seconds_total', 'up'])
    expect(texts(['active'])).toEqual([])
    expect(texts(['active'], { isCaseSensitive: false })).toEqual(['node_memory_Active_bytes'])
  })

  it('finds what comes near, from the threshold on', () => {
    expect(texts(['ndcpu'])).toEqual([])
    expect(texts(['ndcpu'], { threshold: 0.5 })).toEqual(['node_cpu_seconds_total'])
    expect(texts(['ndcpu'], { threshold: 0.9 })).toEqual([])
    expect(texts(['scrape_duraton_seconds'], { threshold: 0.9, algorithm: 'jarowinkler' })).toEqual(['scrape_duration_seconds'])
  })

  it('sorts by score, the whole first, then what begins with the text', () => {
    const all = search(['a_up', 'up', 'upper', 'u_p'], { texts: ['up'], isCaseSensitive: true, threshold: 0.1, algorithm: 'subsequence', sortBy: 'score', isDescending: false, limit: 9 })
    expect(all.found.map(({ text }) => text)).toEqual(['up', 'upper', 'a_up', 'u_p'])
    expect(all.found[0]?.score).toBe(1)
  })

  it('sorts backwards and says when there is more', () => {
    expect(find([], { isDescending: true, limit: 2 })).toMatchObject({ found: [{ text: 'up' }, { text: 'scrape_duration_seconds' }], hasMore: true })
    expect(find([], { limit: 5 }).hasMore).toBe(false)
  })

  it('knows the textbook values of Jaro and Winkler', () => {
    const scoreOf = (a: string, b: string) => search([a], { texts: [b], isCaseSensitive: true, threshold: 0.01, algorithm: 'jarowinkler', sortBy: 'alpha', isDescending: false, limit: 1 }).found[0]?.score
    // Scores of what only comes near end at 0.8.
    expect(scoreOf('DIXON', 'DICKSONX')).toBeCloseTo(0.8, 5)
    expect(scoreOf('CRATE', 'TRACE')).toBeCloseTo(0.733333, 5)
  })
})
