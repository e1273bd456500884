// Remote-write 1.0 bodies, made the slow and obvious way with the stock libraries: protobufjs and snappyjs.

import protobuf from 'protobufjs'
import snappy from 'snappyjs'

const schema = protobuf.parse(`
  syntax = "proto3";
  message WriteRequest { repeated TimeSeries timeseries = 1; }
  message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }
  message Label { string name = 1; string value = 2; }
  message Sample { double value = 1; int64 timestamp = 2; }
`).root.lookupType('WriteRequest')

export type WrittenSeries = {
  readonly labels: Readonly<Record<string, string>>
  readonly samples: readonly { readonly timestampMs: number; readonly value: number }[]
}

/** One snappy-compressed body; labels are sorted by name as senders do. */
export function remoteWriteBody(series: readonly WrittenSeries[]): Uint8Array {
  const timeseries = series.map((one) => ({
    labels: Object.entries(one.labels).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => ({ name, value })),
    samples: one.samples.map((sample) => ({ value: sample.value, timestamp: sample.timestampMs })),
  }))
  return snappy.compress(schema.encode(schema.create({ timeseries })).finish())
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
