// A process of its own that sends the 10,000 series to a server by remote write, a round every `roundMs`, as whoever writes to a
// server beside its dashboards is one: in the process of clients that query, a write would wait for their answers. Told what to
// send by messages, see `SteadyWriter`.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import { benchSeriesCount, createBenchSeries, remoteWriteBodies } from './queryData.ts'
import { sendBody } from './writeRequest.ts'

/** One round of 10,000 series, sent in this time: 100,000 samples a second. */
const roundMs = 100
const seriesPerBody = 2_000
const connections = 2

/** Rounds to send, those from number `fromRound` on, as many as the time has or as the server takes. */
type Order = { readonly url: string; readonly fromRound: number; readonly forMs: number }

/** How long each write took, and all of them. */
export type Written = { readonly ingestMs: readonly number[]; readonly samples: number; readonly tookMs: number }

export type SteadyWriter = {
  /** Writes for so long, at times after those of every earlier call for the same server. */
  write(url: string, forMs: number): Promise<Written>
  close(): void
}

/** `totalMs` is the time that it may write to one server, for which its bodies are made beforehand. */
export async function startSteadyWriter(totalMs: number): Promise<SteadyWriter> {
  const child = fork(import.meta.filename, [String(Math.ceil(totalMs / roundMs))])
  const next = async () => (await once(child, 'message', { signal: AbortSignal.timeout(120_000) }))[0] as unknown
  await next()
  const sent = new Map<string, number>()
  return {
    async write(url, forMs) {
      const fromRound = sent.get(url) ?? 0
      sent.set(url, fromRound + Math.ceil(forMs / roundMs))
      child.send({ url, fromRound, forMs } satisfies Order)
      return (await next()) as Written // what is sent below
    },
    close: () => void child.kill(),
  }
}

/** The same for each server, so that the load is the server's alone. */
function createRounds(count: number): readonly (readonly Uint8Array[])[] {
  const series = createBenchSeries()
  const nowMs = Date.now()
  return Array.from({ length: count }, (_, round) => remoteWriteBodies({ series, startMs: nowMs + round * roundMs, scrapes: 1, seriesPerBody }))
}

async function writeRounds(rounds: readonly (readonly Uint8Array[])[], { url, forMs }: Order): Promise<Written> {
  const pool = new Pool(url, { connections })
  const ingestMs: number[] = []
  let samples = 0
  const startedMs = performance.now()
  for (const [index, bodies] of rounds.entries()) {
    if (performance.now() > startedMs + forMs) break
    await delay(Math.max(0, startedMs + index * roundMs - performance.now()))
    await Promise.all(bodies.map(async (body) => {
      const beganMs = performance.now()
      await sendBody(pool, body)
      ingestMs.push(performance.now() - beganMs)
    }))
    samples += benchSeriesCount
  }
  // The last round has its time too.
  const tookMs = Math.max(forMs, performance.now() - startedMs)
  await pool.close()
  return { ingestMs, samples, tookMs }
}

if (process.send !== undefined && process.argv[1] === import.meta.filename) {
  const send = process.send.bind(process)
  const rounds = createRounds(Number(process.argv[2]))
  process.on('message', (order: Order) => {
    const { fromRound, forMs } = order
    void writeRounds(rounds.slice(fromRound, fromRound + Math.ceil(forMs / roundMs)), order).then(send)
  })
  send('ready')
}
