// A TLS configuration as Node's TLS server takes it, and the look at a client's certificate that Node does not do itself.

import { readFile } from 'node:fs/promises'
import type { ServerOptions } from 'node:https'
import type { TLSSocket } from 'node:tls'
import type { PemSource, TlsServerConfig } from './webConfig.ts'

const versions = { TLS10: 'TLSv1', TLS11: 'TLSv1.1', TLS12: 'TLSv1.2', TLS13: 'TLSv1.3' } as const

/** Reads the certificate files. Rejects when one cannot be read. */
export async function tlsOptions(config: TlsServerConfig): Promise<ServerOptions> {
  const { clientAuthType, cipherSuites, curves } = config
  const asksClient = clientAuthType !== '' && clientAuthType !== 'NoClientCert'
  return {
    cert: await readPem(config.cert),
    key: await readPem(config.key),
    minVersion: versions[config.minVersion],
    maxVersion: versions[config.maxVersion],
    honorCipherOrder: config.preferServerCipherSuites,
    requestCert: asksClient,
    // Who is let in without a certificate that can be verified is decided by `isClientAllowed`.
    rejectUnauthorized: clientAuthType === 'RequireAndVerifyClientCert',
    ...(config.clientCa !== undefined && { ca: await readPem(config.clientCa) }),
    ...(cipherSuites.length > 0 && { ciphers: cipherSuites.join(':') }),
    ...(curves.length > 0 && { ecdhCurve: curves.join(':') }),
  }
}

async function readPem(source: PemSource): Promise<string> {
  return 'text' in source ? source.text : readFile(source.file, 'utf8')
}

/** Whether the client on a new connection has shown what the configuration asks for. */
export function isClientAllowed(socket: TLSSocket, { clientAuthType, clientAllowedSans }: TlsServerConfig): boolean {
  const certificate = socket.getPeerCertificate()
  const hasCertificate = Object.keys(certificate).length > 0
  switch (clientAuthType) {
    case '':
    case 'NoClientCert':
      return true
    case 'RequestClientCert':
      break
    case 'RequireAnyClientCert':
    case 'RequireClientCert':
      if (!hasCertificate) return false
      break
    case 'VerifyClientCertIfGiven':
      if (hasCertificate && !socket.authorized) return false
      break
    case 'RequireAndVerifyClientCert':
      if (!socket.authorized) return false
  }
  if (clientAllowedSans.length === 0) return true
  const names = (certificate.subjectaltname ?? '').split(', ').map((name) => name.slice(name.indexOf(':') + 1))
  return names.some((name) => clientAllowedSans.includes(name))
}
