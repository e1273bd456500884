import { MessageChannel, Worker } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import { Crew, shareWithNobody, type Job } from './crew.ts'

/** How long a test waits for what another thread must do. */
const patienceMs = 20_000

/** Int32 cells that both threads see: how often each part was done, and then signals. */
const partCount = 40
const helped = partCount
const stuck = partCount + 1

type Board = Int32Array<SharedArrayBuffer>

const helperCode = `
  const { workerData, parentPort } = require('node:worker_threads')
  import(workerData.crewUrl).then(({ Crew }) => {
    const crew = new Crew({
      idle: workerData.idle, maxHelpers: 1, patienceMs: 0, isWanted: () => workerData.isBusy,
      help(work, parts) {
        const board = new Int32Array(work.board)
        for (let part = parts.next(); part !== undefined; part = parts.next()) {
          Atomics.store(board, ${helped}, 1)
          Atomics.notify(board, ${helped})
          if (work.mode === 'fail') throw new Error('cannot')
          if (work.mode === 'end') process.exit()
          if (work.mode === 'linger') while (parts.goesOn());
          Atomics.store(board, ${stuck}, work.mode === 'linger' ? 1 : 0)
          Atomics.add(board, part, 1)
          parts.report(1)
        }
      },
    })
    crew.meet(workerData.port)
    parentPort.on('message', () => {})
    parentPort.postMessage('ready')
  })`

const helpers: Worker[] = []
const crews: Crew<unknown>[] = []

afterEach(async () => {
  await Promise.all(helpers.splice(0).map((helper) => helper.terminate()))
  for (const crew of crews.splice(0)) crew.close()
})

/** An owner whose helper listens in a thread of its own. */
async function crewWith(helper: { readonly isBusy: boolean }): Promise<Crew<{ board: SharedArrayBuffer; mode: string }>> {
  const { port1, port2 } = new MessageChannel()
  const idle = new SharedArrayBuffer(4)
  const thread = new Worker(helperCode, { eval: true, workerData: { port: port2, idle, crewUrl: new URL('./crew.ts', import.meta.url).href, ...helper }, transferList: [port2] })
  helpers.push(thread)
  await new Promise((done, failed) => thread.once('message', done).once('error', failed))
  const crew = new Crew<{ board: SharedArrayBuffer; mode: string }>({ idle, maxHelpers: 1, patienceMs: 0, isWanted: () => false, help: () => undefined })
  crew.meet(port1)
  crews.push(crew as Crew<unknown>)
  return crew
}

const newBoard = (): Board => new Int32Array(new SharedArrayBuffer(4 * (partCount + 2)))

/** Part 1 goes on until the helper has taken a part. */
const jobOn = (board: Board, mode: string, others: Partial<Job<{ board: SharedArrayBuffer; mode: string }>> = {}): Job<{ board: SharedArrayBuffer; mode: string }> => ({
  count: partCount,
  work: () => ({ board: board.buffer, mode }),
  run(part) {
    if (part === 1) Atomics.wait(board, helped, 0, patienceMs)
    Atomics.add(board, part, 1)
  },
  check: () => undefined,
  ...others,
})

const timesDone = (board: Board) => [...board.subarray(0, partCount)]

describe('a crew', () => {
  it('does every part once, by all its workers together', async () => {
    const crew = await crewWith({ isBusy: false })
    const board = newBoard()
    const byOwner: number[] = []
    const job = jobOn(board, 'work')
    const shared = crew.share({ ...job, run: (part) => (byOwner.push(part), job.run(part)) })
    expect(timesDone(board)).toEqual(Array.from({ length: partCount }, () => 1))
    expect(shared.workers).toBe(2)
    expect(shared.reported).toBe(partCount - byOwner.length)
    expect(byOwner).toEqual(byOwner.map((_, i) => i))
    expect(crew.takeAsked()).toBe(true)
  })

  it('does all alone while the others have work of their own', async () => {
    const crew = await crewWith({ isBusy: true })
    const board = newBoard()
    const shared = crew.share({ ...jobOn(board, 'work'), run: (part) => void Atomics.add(board, part, 1) })
    expect(shared).toEqual({ workers: 1, reported: 0 })
    expect(timesDone(board)).toEqual(Array.from({ length: partCount }, () => 1))
  })

  it('says that it wants help when nobody is there', () => {
    const crew = new Crew<{ board: SharedArrayBuffer; mode: string }>({ idle: new SharedArrayBuffer(4), maxHelpers: 1, patienceMs: 0, isWanted: () => false, help: () => undefined })
    crews.push(crew as Crew<unknown>)
    const board = newBoard()
    const work = () => {
      throw new Error('nobody needs to know')
    }
    expect(crew.busy(() => crew.share({ ...jobOn(board, 'work'), work, run: (part) => void Atomics.add(board, part, 1) }))).toEqual({ workers: 1, reported: 0 })
    expect(timesDone(board)).toEqual(Array.from({ length: partCount }, () => 1))
    expect(crew.takeAsked()).toBe(true)
    expect(crew.takeAsked()).toBe(false)
  })

  it('leaves to its owner what a helper could not do', async () => {
    const crew = await crewWith({ isBusy: false })
    const board = newBoard()
    expect(crew.share(jobOn(board, 'fail'))).toEqual({ workers: 2, reported: 0 })
    expect(timesDone(board).filter((times) => times === 0)).toHaveLength(1)
  })

  it('waits until helpers have stepped back before an error goes on', async () => {
    const crew = await crewWith({ isBusy: false })
    const board = newBoard()
    const run = (part: number) => {
      if (part !== 1) return
      Atomics.wait(board, helped, 0, patienceMs)
      throw new Error('enough')
    }
    expect(() => crew.share({ ...jobOn(board, 'linger'), run })).toThrow('enough')
    expect(Atomics.load(board, stuck)).toBe(1)
  })

  it('looks after its limits while it waits', async () => {
    const crew = await crewWith({ isBusy: false })
    const board = newBoard()
    const check = () => {
      throw new Error('out of time')
    }
    expect(() => crew.share(jobOn(board, 'linger', { check }))).toThrow('out of time')
    expect(Atomics.load(board, stuck)).toBe(1)
  })

  it('goes on after a job whose helper ended', async () => {
    const crew = await crewWith({ isBusy: false })
    const check = () => {
      throw new Error('out of time')
    }
    expect(() => crew.share(jobOn(newBoard(), 'end', { check }))).toThrow('a helper does not step back')
    const board = newBoard()
    const alone = { ...jobOn(board, 'work', { check }), run: (part: number) => void Atomics.add(board, part, 1) }
    expect(crew.share(alone)).toEqual({ workers: 1, reported: 0 })
    expect(timesDone(board)).toEqual(Array.from({ length: partCount }, () => 1))
  }, 30_000)
})

describe('shareWithNobody', () => {
  it('does the parts in their order', () => {
    const done: number[] = []
    expect(shareWithNobody({ count: 3, work: () => undefined, run: (part) => void done.push(part), check: () => undefined })).toEqual({ workers: 1, reported: 0 })
    expect(done).toEqual([0, 1, 2])
  })
})
