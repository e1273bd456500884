// The connection pools behind one HTTP client: direct, through a proxy, or over a unix socket. TLS files are looked at
// before each request and pools are made anew when one has changed. Also used by the OAuth2 token source.

import { stat } from 'node:fs/promises'
import type { SecureVersion } from 'node:tls'
import { isIP, isIPv4 } from 'node:net'
import type { Dispatcher } from 'undici'
import type { ProxyConfig, TlsConfig, TlsVersion } from '../config/httpClientConfig.ts'
import { readConfiguredFile } from './httpErrors.ts'

/** How long an idle connection is kept: longer than common scrape intervals, like Go's client. */
export const keepAliveMs = 5 * 60_000

const connectTimeoutMs = 30_000

const nodeVersions: Readonly<Record<TlsVersion, SecureVersion>> = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
}

export type DispatcherOptions = { readonly tls: TlsConfig; readonly proxy: ProxyConfig; readonly enableHttp2: boolean }

export class HttpDispatchers {
  readonly #options: DispatcherOptions
  readonly #byRoute = new Map<string, Dispatcher>()
  #fileStamps = ''

  constructor(options: DispatcherOptions) {
    this.#options = options
  }

  /** The pool for this URL. Throws when a TLS file cannot be read. */
  async for(url: URL, unixSocket?: string): Promise<Dispatcher> {
    if (url.protocol === 'https:') await this.#forgetWhenFilesChanged()
    const proxy = unixSocket === undefined ? proxyFor(url, this.#options.proxy) : undefined
    const route = unixSocket !== undefined ? `unix ${unixSocket}` : `proxy ${proxy ?? ''}`
    const known = this.#byRoute.get(route)
    if (known !== undefined) return known
    const made = await this.#create(proxy, unixSocket)
    // Another request may have made it while this one read the TLS files.
    const raced = this.#byRoute.get(route)
    if (raced !== undefined) {
      await made.close()
      return raced
    }
    this.#byRoute.set(route, made)
    return made
  }

  async close(): Promise<void> {
    const all = [...this.#byRoute.values()]
    this.#byRoute.clear()
    await Promise.all(all.map((dispatcher) => dispatcher.close()))
  }

  async #create(proxy: string | undefined, unixSocket: string | undefined): Promise<Dispatcher> {
    // Loaded with the first request: plain scrapes, which are most, go without it.
    const [{ Agent, ProxyAgent }, tls] = await Promise.all([import('undici'), connectOptions(this.#options.tls)])
    const common = {
      allowH2: this.#options.enableHttp2,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: keepAliveMs,
      connect: { ...tls, timeout: connectTimeoutMs, ...(unixSocket !== undefined && { socketPath: unixSocket }) },
    }
    if (proxy === undefined) return new Agent(common)
    const headers: Record<string, string> = {}
    for (const [name, values] of Object.entries(this.#options.proxy.proxyConnectHeader))
      headers[name] = values.map((value) => value.reveal()).join(', ')
    return new ProxyAgent({ ...common, uri: proxy, headers, requestTls: { ...tls, timeout: connectTimeoutMs } })
  }

  async #forgetWhenFilesChanged(): Promise<void> {
    const { caFile, certFile, keyFile } = this.#options.tls
    if (caFile === undefined && certFile === undefined && keyFile === undefined) return
    let stamps = ''
    for (const file of [caFile, certFile, keyFile]) {
      if (file === undefined) continue
      // One that is missing is reported when it is read.
      const found = await stat(file).catch(() => undefined)
      stamps += `${found?.mtimeMs} ${found?.size} ${found?.ino};`
    }
    if (stamps === this.#fileStamps) return
    const old = [...this.#byRoute.values()]
    this.#byRoute.clear()
    this.#fileStamps = stamps
    // Requests in flight end on the old connections; nobody waits for them here.
    for (const dispatcher of old) dispatcher.close().catch(() => {})
  }
}

/** The TLS part of `tls.connect`, its files read now. */
export async function connectOptions(tls: TlsConfig): Promise<Record<string, unknown>> {
  const options: Record<string, unknown> = {}
  const ca = tls.ca ?? (tls.caFile && (await readConfiguredFile(tls.caFile)))
  const cert = tls.cert ?? (tls.certFile && (await readConfiguredFile(tls.certFile)))
  const key = tls.key?.reveal() ?? (tls.keyFile && (await readConfiguredFile(tls.keyFile)))
  if (ca) options['ca'] = ca
  if (cert) options['cert'] = cert
  if (key) options['key'] = key
  if (tls.serverName) options['servername'] = tls.serverName
  if (tls.insecureSkipVerify) options['rejectUnauthorized'] = false
  if (tls.minVersion !== undefined) options['minVersion'] = nodeVersions[tls.minVersion]
  if (tls.maxVersion !== undefined) options['maxVersion'] = nodeVersions[tls.maxVersion]
  return options
}

/** The proxy for this URL: `proxy_url` unless `no_proxy` names the host, or that of the environment. */
export function proxyFor(
  url: URL,
  proxy: ProxyConfig,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  if (proxy.proxyUrl !== undefined) return bypassesProxy(url, proxy.noProxy) ? undefined : proxy.proxyUrl.reveal()
  if (!proxy.proxyFromEnvironment) return undefined
  const read = (name: string) => environment[name] ?? environment[name.toLowerCase()] ?? ''
  // Like Go: never a proxy for the machine itself when the environment, not the configuration, asks for one.
  if (url.hostname === 'localhost' || isLoopback(url.hostname)) return undefined
  const address = url.protocol === 'https:' ? read('HTTPS_PROXY') : read('HTTP_PROXY')
  if (address === '' || bypassesProxy(url, read('NO_PROXY'))) return undefined
  return address.includes('://') ? address : `http://${address}`
}

/** Go's rules: `*`, a host with optional port, a domain with its subdomains, an IP address, or a CIDR block. */
function bypassesProxy(url: URL, noProxy: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase()
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
  return noProxy.split(',').some((entry) => {
    let rule = entry.trim().toLowerCase()
    if (rule === '') return false
    if (rule === '*') return true
    if (rule.includes('/')) return isInBlock(host, rule)
    const withPort = /^(.*):(\d+)$/.exec(rule)
    if (withPort?.[1] !== undefined && isIP(rule) === 0) {
      if (withPort[2] !== port) return false
      rule = withPort[1]
    }
    if (isIP(host) !== 0) return host === rule
    rule = rule.replace(/^\*/, '')
    return rule.startsWith('.') ? host.endsWith(rule) : host === rule || host.endsWith(`.${rule}`)
  })
}

function isInBlock(host: string, block: string): boolean {
  const [network = '', bits = ''] = block.split('/')
  if (!isIPv4(host) || !isIPv4(network)) return false
  const toNumber = (text: string) => text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
  const size = 2 ** (32 - Number(bits))
  return Math.floor(toNumber(host) / size) === Math.floor(toNumber(network) / size)
}

function isLoopback(host: string): boolean {
  return host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host)
}
