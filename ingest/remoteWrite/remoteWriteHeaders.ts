// What a remote-write request says about itself: which protocol its message is of, or why it is not taken. Pure.

/** Names of the messages, as `--web.remote-write-receiver.accepted-protobuf-messages` takes them. */
export const remoteWriteMessages = ['prometheus.WriteRequest', 'io.prometheus.write.v2.Request'] as const

export type RemoteWriteMessage = (typeof remoteWriteMessages)[number]

export type RemoteWriteHeaders = { readonly 'content-type'?: string; readonly 'content-encoding'?: string }

const protobufType = 'application/x-protobuf'

/** The message of a request, or the reason of a 415. */
export function messageOf(headers: RemoteWriteHeaders, accepted: readonly RemoteWriteMessage[]): RemoteWriteMessage | { readonly refused: string } {
  const type = (headers['content-type'] ?? '').trim()
  const message = type === '' ? remoteWriteMessages[0] : namedMessage(type)
  if (typeof message !== 'string') return message
  if (!accepted.includes(message)) {
    return { refused: `${message} protobuf message is not accepted by this server; only accepts ${accepted.join(', ')}` }
  }
  const encoding = headers['content-encoding'] ?? ''
  if (encoding !== '' && encoding !== 'snappy') return { refused: `${encoding} encoding (compression) is not accepted by this server; only snappy is acceptable` }
  return message
}

function namedMessage(type: string): RemoteWriteMessage | { readonly refused: string } {
  const [media, ...parameters] = type.split(';')
  if (media !== protobufType) return { refused: `expected ${protobufType} as the first (media) part, got ${type} content-type` }
  for (const parameter of parameters) {
    const [name = '', value, ...rest] = parameter.trim().split('=')
    if (value === undefined || rest.length > 0) {
      return { refused: `as per https://www.rfc-editor.org/rfc/rfc9110#parameter expected parameters to be key-values, got ${parameter} in ${type} content-type` }
    }
    if (name !== 'proto') continue
    const known = remoteWriteMessages.find((message) => message === value)
    if (known !== undefined) return known
    return { refused: `got ${type} content type; unknown type for remote write protobuf message ${value}, supported: ${remoteWriteMessages.join(', ')}` }
  }
  return remoteWriteMessages[0]
}
