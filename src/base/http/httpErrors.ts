// What can go wrong with an HTTP request before there is an answer. Node's and undici's connection errors are put into
// the words of Go's net/http, which operators know from Prometheus.

import { readFile } from 'node:fs/promises'
import { errorText } from '../assert.ts'

export type HttpFailure = 'timeout' | 'canceled' | 'connection' | 'bodyTooLarge' | 'redirects' | 'decoding' | 'credentials'

/** The request got no usable answer. An answer with an error status is not this error. */
export class HttpRequestError extends Error {
  readonly reason: HttpFailure

  constructor(reason: HttpFailure, message: string, cause?: unknown) {
    super(message, { cause })
    this.reason = reason
  }
}

/** The text of a file that an HTTP configuration names. Throws `HttpRequestError` that names the file. */
export async function readConfiguredFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new HttpRequestError('credentials', `unable to read file ${path}: ${errorText(error)}`, error)
  }
}

/** The trimmed text of a secret file. Throws `HttpRequestError` that names the file. */
export async function readSecretFile(path: string): Promise<string> {
  return (await readConfiguredFile(path)).trim()
}

type NodeError = Error & {
  readonly code?: string
  readonly hostname?: string
  readonly address?: string
  readonly port?: number
  readonly host?: string
  readonly cert?: { readonly subjectaltname?: string; readonly subject?: { readonly CN?: string } }
}

const connectReasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  EADDRNOTAVAIL: 'connect: cannot assign requested address',
  EACCES: 'connect: permission denied',
  ENOENT: 'connect: no such file or directory',
  ETIMEDOUT: 'i/o timeout',
  UND_ERR_CONNECT_TIMEOUT: 'i/o timeout',
}

const certificateReasons: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'x509: certificate signed by unknown authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'x509: certificate signed by unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'x509: certificate signed by unknown authority',
  UNABLE_TO_GET_ISSUER_CERT: 'x509: certificate signed by unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'x509: certificate signed by unknown authority',
  CERT_HAS_EXPIRED: 'x509: certificate has expired or is not yet valid',
  CERT_NOT_YET_VALID: 'x509: certificate has expired or is not yet valid',
}

/** The reason why a connection or an exchange failed. */
export function describeNetworkError(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return describeNetworkError(error.errors[0])
  if (!(error instanceof Error)) return errorText(error)
  const { code, hostname, address, port, cert, message } = error as NodeError // an Error; all fields are optional
  if (code === undefined) return message
  if (code === 'ENOTFOUND') return `dial tcp: lookup ${hostname}: no such host`
  if (code === 'EAI_AGAIN') return `dial tcp: lookup ${hostname}: Temporary failure in name resolution`
  const reason = connectReasons[code]
  if (reason !== undefined) {
    if (address === undefined) return reason === 'i/o timeout' ? 'dial tcp: i/o timeout' : reason
    return port === undefined ? `dial unix ${address}: ${reason}` : `dial tcp ${hostPort(address, port)}: ${reason}`
  }
  if (code === 'ECONNRESET') return 'read: connection reset by peer'
  if (code === 'EPIPE') return 'write: broken pipe'
  if (code === 'UND_ERR_SOCKET') return 'EOF'
  const certificate = certificateReasons[code]
  if (certificate !== undefined) return `tls: failed to verify certificate: ${certificate}`
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const valid = cert?.subjectaltname ?? cert?.subject?.CN ?? ''
    return `tls: failed to verify certificate: x509: certificate is valid for ${valid.replaceAll(/DNS:|IP Address:/g, '')}, not ${(error as NodeError).host ?? ''}`
  }
  return message
}

/** Whether the server closed a kept connection just as the request was written to it. */
export function isRetryableOnFreshConnection(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code } = error as NodeError
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'UND_ERR_SOCKET'
}

function hostPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
