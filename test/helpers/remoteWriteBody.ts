// Remote-write 1.0 bodies, made the slow and obvious way with the stock libraries: protobufjs and snappyjs.

import protobuf from 'protobufjs'
import snappy from 'snappyjs'
import { staleMarkerHighWord, staleMarkerLowWord } from '../../storage/sample.ts'
import { stale } from './memoryQuerier.ts'

const schema = protobuf.parse(`
  syntax = "proto3";
  message WriteRequest { repeated TimeSeries timeseries = 1; }
  message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }
  message Label { string name = 1; string value = 2; }
  message Sample { double value = 1; int64 timestamp = 2; }
`).root.lookupType('WriteRequest')

export type WrittenSeries = {
  readonly labels: Readonly<Record<string, string>>
  readonly samples: readonly { readonly timestampMs: number; readonly value: number | typeof stale }[]
}

/** Written for a staleness marker and exchanged afterwards: JavaScript does not promise to keep the bits of a NaN. */
const stalePlaceholder = -1.2345678901234567e-250

/** One snappy-compressed body; labels are sorted by name as senders do. */
export function remoteWriteBody(series: readonly WrittenSeries[]): Uint8Array {
  const timeseries = series.map((one) => ({
    labels: Object.entries(one.labels).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => ({ name, value })),
    samples: one.samples.map((sample) => ({ value: sample.value === stale ? stalePlaceholder : sample.value, timestamp: sample.timestampMs })),
  }))
  const body = Buffer.from(schema.encode(schema.create({ timeseries })).finish())
  const placeholder = Buffer.from(new Float64Array([stalePlaceholder]).buffer)
  for (let at = body.indexOf(placeholder); at >= 0; at = body.indexOf(placeholder, at + 8)) {
    body.writeUInt32LE(staleMarkerLowWord, at)
    body.writeUInt32LE(staleMarkerHighWord, at + 4)
  }
  return snappy.compress(body)
}

export const remoteWriteHeaders = {
  'content-type': 'application/x-protobuf',
  'content-encoding': 'snappy',
  'x-prometheus-remote-write-version': '0.1.0',
} as const

/** Posts a body to a server's remote-write endpoint. */
export async function postRemoteWrite(url: string, body: Uint8Array): Promise<Response> {
  return fetch(`${url}/api/v1/write`, { method: 'POST', headers: remoteWriteHeaders, body: body as Uint8Array<ArrayBuffer> })
}
