import { describe, expect, it } from 'vitest'
import { messageOf, remoteWriteMessages, type RemoteWriteMessage } from './remoteWriteHeaders.ts'

const [messageV1, messageV2] = remoteWriteMessages

describe('messageOf', () => {
  const takes = (type: string | undefined, encoding: string | undefined, expected: RemoteWriteMessage) =>
    it(`takes ${type ?? 'no type'}, ${encoding ?? 'no encoding'}`, () => {
      expect(messageOf({ ...(type !== undefined && { 'content-type': type }), ...(encoding !== undefined && { 'content-encoding': encoding }) }, remoteWriteMessages)).toBe(expected)
    })
  takes(undefined, undefined, messageV1)
  takes('', 'snappy', messageV1)
  takes('application/x-protobuf', 'snappy', messageV1)
  takes('application/x-protobuf;proto=prometheus.WriteRequest', 'snappy', messageV1)
  takes('application/x-protobuf;proto=io.prometheus.write.v2.Request', 'snappy', messageV2)
  takes('application/x-protobuf; version=2; proto=io.prometheus.write.v2.Request', 'snappy', messageV2)

  const refuses = (type: string, encoding: string, refused: string, accepted: readonly RemoteWriteMessage[] = remoteWriteMessages) =>
    it(`refuses ${type}, ${encoding}: ${refused}`, () => {
      expect(messageOf({ 'content-type': type, 'content-encoding': encoding }, accepted)).toMatchObject({ refused: expect.stringContaining(refused) })
    })
  refuses('application/json', 'snappy', 'expected application/x-protobuf as the first (media) part')
  refuses('application/x-protobuf;proto', 'snappy', 'expected parameters to be key-values, got proto')
  refuses('application/x-protobuf;proto=io.prometheus.write.v3.Request', 'snappy', 'unknown type for remote write protobuf message io.prometheus.write.v3.Request')
  refuses('application/x-protobuf', 'zstd', 'only snappy is acceptable')
  refuses('application/x-protobuf;proto=io.prometheus.write.v2.Request', 'snappy', 'only accepts prometheus.WriteRequest', [messageV1])
  refuses('', 'snappy', 'only accepts io.prometheus.write.v2.Request', [messageV2])
})
