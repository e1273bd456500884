// The file of --web.config.file: TLS, users with bcrypt hashes, security headers, a rate limit. Read with positions like
// every configuration; file contents behind it (certificates) are read by tls.ts.

import { duration, bool, fields, list, oneOf, optionalFile, optionalText, record, secret, text, unsigned } from '../../src/base/config/yamlReaders.ts'
import type { Reader } from '../../src/base/config/yamlReaders.ts'
import { parseYaml } from '../../src/base/config/yaml.ts'
import type { YamlNode } from '../../src/base/config/yaml.ts'
import type { Secret } from '../../src/base/secret.ts'

const clientAuthTypes = ['', 'NoClientCert', 'RequestClientCert', 'RequireAnyClientCert', 'RequireClientCert', 'VerifyClientCertIfGiven', 'RequireAndVerifyClientCert'] as const
const tlsVersions = ['TLS10', 'TLS11', 'TLS12', 'TLS13'] as const

export type ClientAuthType = (typeof clientAuthTypes)[number]

export type TlsServerConfig = {
  /** Each as text, or the file that holds it. */
  readonly cert: PemSource
  readonly key: PemSource
  readonly clientCa: PemSource | undefined
  readonly clientAuthType: ClientAuthType
  /** When not empty, a client's certificate must name one of them. */
  readonly clientAllowedSans: readonly string[]
  readonly minVersion: (typeof tlsVersions)[number]
  readonly maxVersion: (typeof tlsVersions)[number]
  /** Names as Go spells them; none means Node's own. */
  readonly cipherSuites: readonly string[]
  readonly curves: readonly string[]
  readonly preferServerCipherSuites: boolean
}

export type PemSource = { readonly text: string } | { readonly file: string }

export type WebConfig = {
  readonly tls: TlsServerConfig | undefined
  /** bcrypt hashes by user name; no users means no authentication. */
  readonly users: ReadonlyMap<string, string>
  /** Added to every answer; by their names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** One request per interval, and `burst` of them at once; `undefined` is no limit. */
  readonly rateLimit: { readonly intervalMs: number; readonly burst: number } | undefined
}

/** Throws `ConfigError`. */
export function parseWebConfig(content: string, file: string): WebConfig {
  const node = parseYaml(content, file)
  const read = node.isNull
    ? {}
    : fields(node, {
        tls_server_config: tlsServerConfig,
        http_server_config: (at: YamlNode) => fields(at, { http2: bool, headers }),
        basic_auth_users: record(bcryptHash),
        rate_limit: (at: YamlNode) => fields(at, { interval: duration, burst: unsigned }),
      })
  const { interval = 0, burst = 0 } = read.rate_limit ?? {}
  return {
    tls: read.tls_server_config,
    users: new Map(Object.entries(read.basic_auth_users ?? {}).map(([name, hash]) => [name, hash.reveal()])),
    headers: read.http_server_config?.headers ?? {},
    rateLimit: interval > 0 ? { intervalMs: interval, burst: Math.max(1, burst) } : undefined,
  }
}

const bcryptHash: Reader<Secret> = (node) => {
  const hash = secret(node)
  if (!/^\$2[aby]\$(?:0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/.test(hash.reveal())) return node.fail('expected a bcrypt hash such as $2y$10$...')
  return hash
}

/** The headers that may be set, and what the ones with fixed words may say. */
const allowedHeaders: Readonly<Record<string, readonly string[] | undefined>> = {
  'Strict-Transport-Security': undefined,
  'X-Content-Type-Options': ['nosniff'],
  'X-Frame-Options': ['deny', 'sameorigin'],
  'X-XSS-Protection': undefined,
  'Content-Security-Policy': undefined,
}

const headers: Reader<Record<string, string>> = (node) => {
  for (const { key, value } of node.entries()) {
    if (!Object.hasOwn(allowedHeaders, key)) value.fail(`HTTP header "${key}" can not be configured; known here: ${Object.keys(allowedHeaders).join(', ')}`)
    const words = allowedHeaders[key]
    if (words !== undefined && value.text !== '' && !words.includes((value.text ?? '').toLowerCase())) value.fail(`expected ${words.join(' or ')}, found ${value.describe()}`)
  }
  return Object.fromEntries(Object.entries(record(text)(node)).map(([name, value]) => [name.toLowerCase(), headerValue(value)]))
}

/** As Go writes it: as UTF-8, here one character per byte, and with spaces for the line breaks that a long policy may have. */
function headerValue(value: string): string {
  return Buffer.from(value.trim()).toString('latin1').replace(/[^\t\x20-\x7e\x80-\xff]/g, ' ')
}

const tlsServerConfig: Reader<TlsServerConfig> = (node) => {
  const read = fields(node, {
    cert: optionalText,
    cert_file: optionalFile,
    key: secret,
    key_file: optionalFile,
    client_auth_type: oneOf(...clientAuthTypes),
    client_ca: optionalText,
    client_ca_file: optionalFile,
    client_allowed_sans: list(text),
    min_version: oneOf(...tlsVersions),
    max_version: oneOf(...tlsVersions),
    cipher_suites: list(oneOf(...Object.keys(cipherNames))),
    curve_preferences: list(oneOf(...Object.keys(curveNames))),
    prefer_server_cipher_suites: bool,
  })
  const cert = pemSource(node, 'cert', read.cert, read.cert_file)
  const key = pemSource(node, 'key', read.key?.reveal(), read.key_file)
  if (cert === undefined) return node.fail('missing one of cert or cert_file')
  if (key === undefined) return node.fail('missing one of key or key_file')
  const clientCa = pemSource(node, 'client_ca', read.client_ca, read.client_ca_file)
  const clientAuthType = read.client_auth_type ?? ''
  if (clientCa !== undefined && (clientAuthType === '' || clientAuthType === 'NoClientCert')) return node.fail('Client CA\'s have been configured without a ClientAuth policy')
  const minVersion = read.min_version ?? 'TLS12'
  const maxVersion = read.max_version ?? 'TLS13'
  if (maxVersion < minVersion) node.at('max_version').fail('max_version must not be below min_version')
  return {
    cert, key, clientCa, clientAuthType, minVersion, maxVersion,
    clientAllowedSans: read.client_allowed_sans ?? [],
    cipherSuites: (read.cipher_suites ?? []).map((name) => cipherNames[name] ?? name),
    curves: (read.curve_preferences ?? []).map((name) => curveNames[name] ?? name),
    preferServerCipherSuites: read.prefer_server_cipher_suites ?? true,
  }
}

function pemSource(node: YamlNode, key: string, given: string | undefined, file: string | undefined): PemSource | undefined {
  if (given !== undefined && file !== undefined) return node.fail(`only one of ${key} and ${key}_file can be configured`)
  return given !== undefined ? { text: given } : file !== undefined ? { file } : undefined
}

/** Go's names of cipher suites, which the file uses, and OpenSSL's. */
const cipherNames: Readonly<Record<string, string>> = {
  TLS_AES_128_GCM_SHA256: 'TLS_AES_128_GCM_SHA256',
  TLS_AES_256_GCM_SHA384: 'TLS_AES_256_GCM_SHA384',
  TLS_CHACHA20_POLY1305_SHA256: 'TLS_CHACHA20_POLY1305_SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
}

const curveNames: Readonly<Record<string, string>> = { CurveP256: 'prime256v1', CurveP384: 'secp384r1', CurveP521: 'secp521r1', X25519: 'X25519' }
