// How long does a dashboard wait? 20 queries as range queries over six hours (step 15 s and 60 s) and as instant queries, and
// the label queries behind variables, on all three servers in one run, their answers compared. No server may answer from
// a cache of results here; what such a cache brings is the second table.

import type { RunningServer } from '../test/helpers/servers.ts'
import { benchQueries, labelQueries } from './load/queryList.ts'
import { agreement, pointCount, type AnswerData } from './measure/queryCompare.ts'
import { openQueryServers, type QueryServers } from './measure/queryServers.ts'
import { SocketClient } from './measure/socketClient.ts'
import { printTable } from './measure/table.ts'

const repetitions = 5
/** What is answered within a moment is asked more often: a few answers say more about the machine than about the server. */
const shortMs = 20
const shortRepetitions = 300
/** Of these, answers that warm page caches and compiled code, which V8 optimises after hundreds of calls: what counts is a server that has been up for a while. */
const warmUps = 200
/** A peer that needs longer for one answer is not asked five times. */
const slowMs = 4_000

/** Steps lie on no sample and no step of a subquery: Prometheus 2 counts what lies on the left end of a window, Prometheus 3 does not. */
const offGridMs = 7_000

type Mode = { readonly name: string; readonly stepSeconds: number; readonly allowsCache?: boolean }

const modes: readonly Mode[] = [
  { name: '6 h / 15 s', stepSeconds: 15 },
  { name: '6 h / 60 s', stepSeconds: 60 },
  { name: 'instant', stepSeconds: 0 },
]

/**
 * A dashboard that is open: the same again, each time the range has moved on by a step. With its cache VictoriaMetrics moves
 * the steps to full multiples, so that none of its points is at the same time as another server's.
 */
const refreshed: Mode = { name: 'again', stepSeconds: 15, allowsCache: true }
const refreshes = 5

/** Requests to each server before the first row, so that neither its code nor the client's is new. */
const firstRequests = 500

/** A server with the connection that queries it. */
type Client = { readonly server: RunningServer; readonly connection: SocketClient }

type Asked = { readonly ms: number; readonly cpuSeconds: number; readonly body: string }

/** One request, timed until its last byte is there. */
async function ask({ server, connection }: Client, path: string): Promise<Asked> {
  const cpuSeconds = server.cpuSeconds()
  const { status, ms, body } = await connection.get(path)
  if (status !== 200) throw new Error(`${server.name} answered ${status} to ${path}: ${body.slice(0, 300)}`)
  return { ms, cpuSeconds: server.cpuSeconds() - cpuSeconds, body }
}

/** `nocache` keeps VictoriaMetrics and solowatch from answering out of earlier results; Prometheus has none and passes over it. */
function queryPath(text: string, mode: Mode, servers: Pick<QueryServers, 'startMs' | 'endMs'>): string {
  const query = `query=${encodeURIComponent(text)}${mode.allowsCache === true ? '' : '&nocache=1'}`
  const endSeconds = (servers.endMs + offGridMs) / 1000
  if (mode.stepSeconds === 0) return `/api/v1/query?${query}&time=${endSeconds}`
  return `/api/v1/query_range?${query}&start=${(servers.startMs + offGridMs) / 1000}&end=${endSeconds}&step=${mode.stepSeconds}`
}

/** Of one query, by server. */
type Measured = { readonly name: string; readonly mode: string; readonly points: number; readonly p50: readonly number[]; readonly cpu: readonly number[]; readonly same: readonly number[] }

/** Only the rows whose query and mode, such as `one series, instant`, match `only`. */
export async function benchQuery(only: RegExp): Promise<void> {
  const servers = await openQueryServers()
  const clients = [servers.solowatch, servers.prometheus, servers.victoria].map((server) => ({ server, connection: new SocketClient(server.url) }))
  try {
    for (let request = 0; request < firstRequests; request++) for (const client of clients) await ask(client, '/api/v1/query?query=1')
    const measured: Measured[] = []
    for (const mode of modes) {
      for (const query of benchQueries.filter(({ name }) => only.test(`${name}, ${mode.name}`))) measured.push(await measure(clients, query.name, mode.name, queryPath(query.text, mode, servers)))
    }
    for (const query of labelQueries.filter(({ name }) => only.test(`${name}, labels`))) {
      const bounds = `start=${servers.startMs / 1000}&end=${servers.endMs / 1000}`
      measured.push(await measure(clients, query.name, 'labels', `/api/v1/${query.text}${query.text.includes('?') ? '&' : '?'}${bounds}`))
    }
    const again: Measured[] = []
    for (const query of benchQueries.filter(({ name }) => only.test(`${name}, ${refreshed.name}`))) {
      const { startMs, endMs } = servers
      const move = (refresh: number) => (refresh - refreshes) * refreshed.stepSeconds * 1000
      const paths = Array.from({ length: refreshes + 1 }, (_, refresh) => queryPath(query.text, refreshed, { startMs: startMs + move(refresh), endMs: endMs + move(refresh) }))
      again.push(await measureRefreshes(clients, query.name, paths))
    }
    print(measured)
    printRefreshes(again)
  } finally {
    for (const { connection } of clients) connection.close()
    await servers.close()
  }
}

async function measure(clients: readonly Client[], name: string, mode: string, path: string): Promise<Measured> {
  const times = clients.map(() => [] as number[])
  const cpu = clients.map(() => 0)
  const answers = clients.map(() => '')
  for (let repetition = 0; repetition <= shortRepetitions; repetition++) {
    for (const [i, client] of clients.entries()) {
      const before = times[i] ?? []
      if (before.length > 0 && Math.min(...before) > slowMs) continue
      // Every server's answer is short, or it is asked as often as the others.
      if (repetition > repetitions && times.some((some) => Math.min(...some) > shortMs)) continue
      const asked = await ask(client, path)
      // The first round warms page caches and compiled code.
      if (repetition === 0 && asked.ms <= slowMs) answers[i] = asked.body
      else {
        answers[i] = asked.body
        before.push(asked.ms)
        cpu[i] = (cpu[i] ?? 0) + asked.cpuSeconds
      }
    }
  }
  const own = answers[0] ?? ''
  return {
    name,
    mode,
    points: mode === 'labels' ? dataOf<string[]>(own).length : pointCount(dataOf(own)),
    p50: times.map((some) => median(some.slice(some.length > warmUps ? warmUps : 0))),
    cpu: cpu.map((seconds, i) => seconds / (times[i] ?? []).length),
    same: answers.map((answer, i) => (mode === 'labels' ? Number(answer.slice(0, own.length) === own) : agreement(dataOf(own), dataOf(answer), i === 1 ? 1e-9 : 0.05))),
  }
}

/** Asks for one path after the other; the first one fills the caches. */
async function measureRefreshes(clients: readonly Client[], name: string, paths: readonly string[]): Promise<Measured> {
  const times = clients.map(() => [] as number[])
  const cpu = clients.map(() => 0)
  let points = 0
  let same = clients.map(() => NaN)
  for (const [refresh, path] of paths.entries()) {
    const asked = []
    for (const client of clients) asked.push(await ask(client, path))
    const own = dataOf(asked[0]?.body ?? '')
    points = pointCount(own)
    same = asked.map(({ body }, i) => agreement(own, dataOf(body), i === 1 ? 1e-9 : 0.05))
    if (refresh === 0) continue
    asked.forEach(({ ms, cpuSeconds }, i) => {
      times[i]?.push(ms)
      cpu[i] = (cpu[i] ?? 0) + cpuSeconds / refreshes
    })
  }
  return { name, mode: refreshed.name, points, p50: times.map(median), cpu, same }
}

function dataOf<Data = AnswerData>(body: string): Data {
  return (JSON.parse(body) as { data: Data }).data // all three servers answer in Prometheus's envelope
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? NaN
}

function print(measured: readonly Measured[]): void {
  const ms = (value: number) => (value >= 100 ? value.toFixed(0) : value.toFixed(1))
  const rows = measured.map(({ name, mode, points, p50, same }) => {
    const [own = NaN, prometheus = NaN, victoria = NaN] = p50
    const isRange = mode.startsWith('6 h')
    const isMet = isRange ? own <= prometheus / 5 && own <= victoria / 2 : own <= prometheus && own <= victoria
    const percent = (share = 0) => (share === 1 ? 'all' : `${(100 * share).toFixed(1)}%`)
    return [name, mode, String(points), ms(own), ms(prometheus), ms(victoria), (prometheus / own).toFixed(1), (victoria / own).toFixed(1), isMet ? 'yes' : 'NO', percent(same[1]), percent(same[2])]
  })
  printTable(
    'query: p50 in ms over 10,000 series x 6 h at 15 s, no result caches (times: how much faster solowatch is; same: points equal to 1e-9, for VictoriaMetrics to 5 %)',
    ['query', 'as', 'points', 'solowatch', 'Prometheus', 'VictoriaMetrics', 'times P', 'times V', 'target', 'same P', 'same V'],
    rows,
  )
  const total = (index: number) => measured.reduce((sum, { cpu }) => sum + (cpu[index] ?? 0), 0)
  const [own, prometheus, victoria] = [total(0), total(1), total(2)]
  printTable(
    'CPU-seconds over the whole list once (target: 1/8 of Prometheus)',
    ['solowatch', 'Prometheus', 'VictoriaMetrics', 'times P', 'times V'],
    [[own.toFixed(2), prometheus.toFixed(2), victoria.toFixed(2), (prometheus / own).toFixed(1), (victoria / own).toFixed(1)]],
  )
  console.log(`targets met: ${rows.filter((row) => row[8] === 'yes').length} of ${rows.length}`)
}

function printRefreshes(again: readonly Measured[]): void {
  const ms = (value: number) => value.toFixed(1)
  const share = (value = NaN) => (value === 1 ? 'all' : `${(100 * value).toFixed(1)}%`)
  printTable(
    'the same 6 h at 15 s each time a step later, caches allowed: p50 and CPU in ms',
    ['query', 'points', 'solowatch', 'Prometheus', 'VictoriaMetrics', 'CPU', 'CPU P', 'CPU V', 'same P', 'same V'],
    again.map(({ name, points, p50, cpu, same }) => [name, String(points), ...p50.map(ms), ...cpu.map((seconds) => ms(1000 * seconds)), share(same[1]), share(same[2])]),
  )
}
