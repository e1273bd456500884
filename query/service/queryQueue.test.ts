import { describe, expect, it } from 'vitest'
import { FairQueue } from './queryQueue.ts'

const fill = (names: string) => {
  const queue = new FairQueue<{ client: string; name: string }>()
  const jobs = names.split(' ').map((name) => ({ client: name[0] ?? '', name }))
  for (const job of jobs) queue.push(job)
  return { queue, jobs }
}
const order = (queue: FairQueue<{ client: string; name: string }>) => {
  const names: string[] = []
  for (let job = queue.shift(); job !== undefined; job = queue.shift()) names.push(job.name)
  return names.join(' ')
}

describe('FairQueue', () => {
  it('lets clients take turns, in the order of their first job', () => {
    expect(order(fill('a1 a2 a3 b1 c1 c2').queue)).toBe('a1 b1 c1 a2 c2 a3')
  })

  it('gives a client that comes later its turn before the rest of a long line', () => {
    const { queue } = fill('a1 a2 a3')
    expect(queue.shift()?.name).toBe('a1')
    queue.push({ client: 'b', name: 'b1' })
    expect(order(queue)).toBe('a2 b1 a3')
  })

  it('forgets a job that is removed', () => {
    const { queue, jobs } = fill('a1 a2 b1')
    expect(jobs[1] && queue.remove(jobs[1])).toBe(true)
    expect(jobs[1] && queue.remove(jobs[1])).toBe(false)
    expect(queue.length).toBe(2)
    expect(order(queue)).toBe('a1 b1')
  })
})
