// The same remote-write requests to a real Prometheus and to solowatch: late, repeated, contradicting and too old samples get
// the same answers, and afterwards both show the same series. Once as configured by default, once with an out-of-order window.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readJson } from '../helpers/json.ts'
import { postRemoteWrite, remoteWriteBody, type WrittenSeries } from '../helpers/remoteWriteBody.ts'
import { startPrometheus, startSolowatch, type RunningServer } from '../helpers/servers.ts'

const minuteMs = 60_000
const startMs = Math.floor(Date.now() / minuteMs) * minuteMs - 3 * 60 * minuteMs

const dir = mkdtempSync(join(tmpdir(), 'solowatch-write-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** `name` with samples `[minutes after the start, value]`. */
const series = (name: string, ...samples: readonly (readonly [minutes: number, value: number])[]): WrittenSeries => ({
  labels: { __name__: 'written', series: name },
  samples: samples.map(([minutes, value]) => ({ timestampMs: startMs + minutes * minuteMs, value })),
})

type Answer = { readonly status: number; readonly text: string }

async function send(server: RunningServer, body: readonly WrittenSeries[]): Promise<Answer> {
  const response = await postRemoteWrite(server.url, remoteWriteBody(body))
  return { status: response.status, text: (await response.text()).trim() }
}

async function stored(server: RunningServer, query = 'written[4h]'): Promise<string[]> {
  const response = await fetch(`${server.url}/api/v1/query`, { method: 'POST', body: new URLSearchParams({ query }) })
  const answer = await readJson<{ data: { result: { metric: { series: string }; values: [number, string][] }[] } }>(response)
  return answer.data.result.map(({ metric, values }) => `${metric.series}: ${values.map(([time, value]) => `${(time - startMs / 1000) / 60}=${value}`).join(' ')}`).sort()
}

type Count = { readonly name: string; readonly value: number }

/** Of /api/v1/status/tsdb what does not depend on how an engine stores samples, nor on the order of equals. */
async function offenders(server: RunningServer): Promise<unknown> {
  type Status = { headStats: { numSeries: number; numLabelPairs: number } } & Record<string, readonly Count[]>
  const { data } = await readJson<{ data: Status }>(await fetch(`${server.url}/api/v1/status/tsdb`))
  const { headStats: { numSeries, numLabelPairs }, ...lists } = data
  const counts = Object.entries(lists).map(([list, entries]) => [list, entries.length, entries.filter(({ value }) => value > 1).map(({ name, value }) => `${value} ${name}`).sort()])
  return { numSeries, numLabelPairs, counts: Object.fromEntries(counts.map(([list, length, entries]) => [list, { length, entries }])) }
}

function compared(title: string, windowYaml: string, steps: () => void): void {
  describe(title, () => {
    beforeAll(async () => {
      const own = join(dir, title.replaceAll(' ', '-'))
      mkdirSync(own)
      const config = join(own, 'prometheus.yml')
      writeFileSync(config, `global: {}\n${windowYaml}`)
      ;[peer, solo] = await Promise.all([
        startPrometheus(join(own, 'peer'), config, ['--web.enable-remote-write-receiver']),
        startSolowatch(join(own, 'solo'), [`--config.file=${config}`]),
      ])
    })
    afterAll(async () => {
      await Promise.all([peer.stop(), solo.stop()])
    })
    steps()
    it('ends with the same samples', async () => expect(await stored(solo)).toEqual(await stored(peer)))
  })
}

let peer: RunningServer
let solo: RunningServer

/** Both answer alike; Prometheus 3 says more than version 2 about duplicates, which only its beginning tells. */
const answers = (status: number, what: string, ...body: readonly WrittenSeries[]) =>
  it(`answers ${status} to ${what}`, async () => {
    const expected = await send(peer, body)
    const actual = await send(solo, body)
    expect({ status: actual.status, text: actual.text.slice(0, expected.text.length) }).toEqual(expected)
    expect(actual.status).toBe(status)
  })

/** What version 3 has made the sender's fault, as it is here. */
const answersSince3 = (status: number, before: number, what: string, ...body: readonly WrittenSeries[]) =>
  it(`answers ${status} to ${what}`, async () => {
    const { text } = await send(peer, body).then((expected) => (expect(expected.status).toBe(before), expected))
    expect(await send(solo, body)).toEqual({ status, text })
  })

compared('without a window', '', () => {
  answers(204, 'a first sample', series('a', [0, 1]))
  answers(204, 'the same again', series('a', [0, 1]))
  answers(400, 'another value at the same time', series('a', [0, 2]))
  answers(204, 'NaN', series('nan', [0, NaN]))
  answers(204, 'NaN again', series('nan', [0, NaN]))
  answers(400, 'a request with one bad sample, of which nothing is stored', series('b', [1, 1]), series('a', [0, 2]), series('c', [1, 1]))
  answers(204, 'several samples in order', series('a', [1, 1], [2, 1], [3, 2]))
  answers(400, 'a late sample', series('a', [2, 5]))
  answers(400, 'a late sample with the value that is there', series('a', [2, 1]))
  answers(204, 'a series that begins before the newest sample', series('late', [-30, 1]))
  answers(204, 'a sample two hours on', series('on', [120, 1]))
  answers(400, 'a sample in order and out of bounds', series('a', [20, 1]))
  answers(400, 'a new series out of bounds', series('old', [50, 1]))
  answers(204, 'a new series in bounds', series('new', [90, 1]))
  answers(204, 'a series in bounds at the edge', series('edge', [60, 1]))
  answers(204, 'two values at one time in a request', series('twice', [121, 1], [121, 2]))
  answers(204, 'one value twice at one time in a request', series('same', [121, 1], [121, 1]))
  answers(204, 'a series backwards in a request', series('back', [121, 1], [120, 1], [122, 2]))
  answers(400, 'what is late beside stored samples and beside the request', series('back', [123, 1], [121, 3]))
  answers(400, 'what is double beside stored samples and late in the request', series('back', [123, 1], [122, 3]))
  answers(204, 'one series in two parts', series('parts', [121, 1]), series('parts', [122, 1]))
})

compared('with a window', 'storage: { tsdb: { out_of_order_time_window: 30m } }\n', () => {
  answers(204, 'a first sample', series('a', [60, 1]))
  answers(204, 'late samples', series('a', [50, 2], [40, 3], [45, 4]))
  answers(
    204,
    'more series',
    ...['zürich', 'bern', 'a'].flatMap((zone, i) =>
      Array.from({ length: i + 3 }, (_, k) => ({ labels: { __name__: `other_${k}`, zone, series: 'a' }, samples: [{ timestampMs: startMs + 60 * minuteMs, value: 1 }] })),
    ),
  )
  it('has the same top offenders', async () => expect(await offenders(solo)).toEqual(await offenders(peer)))
  answers(204, 'a late sample again', series('a', [45, 4]))
  answers(204, 'the newest sample again', series('a', [60, 1]))
  answers(400, 'another value at the newest time', series('a', [60, 2]))
  answers(204, 'a sample at the edge of the window', series('a', [30, 5]))
  answersSince3(400, 500, 'a sample that is too old', series('a', [29, 5]))
  answers(204, 'a new series older than the window', series('b', [5, 5], [10, 6]))
  answers(204, 'an older series that goes on', series('b', [20, 5]))
  answersSince3(400, 500, 'an older series that goes back', series('b', [15, 5]))
  answers(204, 'newer samples between late ones', series('b', [33, 1], [61, 2], [34, 3]))
  answers(204, 'two values at one time in a request', series('twice', [62, 1], [62, 2]))
  const rewritten = (value: number) => ({ labels: { __name__: 'rewritten', series: 'late' }, samples: [{ timestampMs: startMs + 50 * minuteMs, value }] })
  answers(204, 'a series to rewrite', { labels: { __name__: 'rewritten', series: 'late' }, samples: [{ timestampMs: startMs + 62 * minuteMs, value: 0 }] })
  answers(204, 'a late sample of it', rewritten(1))
  answers(204, 'another value at its time', rewritten(2))
  it('shows the last value written, where Prometheus keeps the first', async () => {
    expect(await stored(peer, 'rewritten[4h]')).toEqual(['late: 50=1 62=0'])
    expect(await stored(solo, 'rewritten[4h]')).toEqual(['late: 50=2 62=0'])
  })
  answersSince3(400, 500, 'a new series older than all bounds', series('d', [0, 1]))
  answersSince3(400, 500, 'a request with one sample that is too old', series('c', [60, 1]), series('a', [10, 1]))
})
