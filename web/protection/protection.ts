// Who may ask: TLS, basic authentication, a rate limit and security headers, as the file of --web.config.file says. A change
// of the file, or of a certificate it names, counts from the next request on; a file that has become invalid closes the
// door until it is right again.

import { readFile, stat } from 'node:fs/promises'
import type { ServerOptions as TlsServerOptions } from 'node:https'
import { errorText } from '../../src/base/assert.ts'
import type { Logger } from '../../src/base/log.ts'
import { plain } from '../answer.ts'
import type { Answer } from '../answer.ts'
import { Passwords } from './passwords.ts'
import { tlsOptions } from './tls.ts'
import { parseWebConfig } from './webConfig.ts'
import type { PemSource, WebConfig } from './webConfig.ts'

/** The files are looked at again at most this often. */
const checkEveryMs = 1000

type Loaded = { readonly config: WebConfig; readonly tls: TlsServerOptions | undefined }

export type Protection = {
  /** As the file says now. */
  readonly config: WebConfig
  readonly tls: TlsServerOptions | undefined
  /** Called with the new options when a certificate has changed. */
  onTlsChange: (options: TlsServerOptions) => void
  /** The answer to a request that is not let through. */
  check(authorization: string | undefined): Promise<Answer | undefined>
  close(): Promise<void>
}

/** Rejects when the file, or one that it names, cannot be used. */
export async function openProtection(file: string, logger: Logger): Promise<Protection> {
  let loaded = await load(file).catch((error: unknown): never => {
    throw new Error(`the web configuration cannot be used: ${errorText(error)}`, { cause: error })
  })
  let stamps = await stampsOf(file, loaded.config)
  let invalid: string | undefined
  let checkedMs = performance.now()
  const passwords = new Passwords()
  let bucket = createBucket(loaded.config)

  const refresh = async () => {
    if (performance.now() - checkedMs < checkEveryMs) return
    checkedMs = performance.now()
    const next = await stampsOf(file, loaded.config)
    if (next === stamps) return
    stamps = next
    try {
      loaded = await load(file)
      bucket = createBucket(loaded.config)
      invalid = undefined
      if (loaded.tls !== undefined) protection.onTlsChange(loaded.tls)
      logger.info('The web configuration has changed', { file })
    } catch (error) {
      invalid = errorText(error)
      logger.error('The web configuration is not valid any more: no request is answered until it is', { file, err: invalid })
    }
  }

  const protection: Protection = {
    get config() {
      return loaded.config
    },
    get tls() {
      return loaded.tls
    },
    onTlsChange: () => {},
    async check(authorization) {
      await refresh()
      if (invalid !== undefined) return plain(500, 'Internal Server Error\n')
      if (!bucket()) return plain(429, 'Too Many Requests\n')
      const { users } = loaded.config
      if (users.size === 0) return undefined
      const credentials = readBasic(authorization)
      if (credentials !== undefined && (await passwords.isRight(users, credentials.user, credentials.password))) return undefined
      return plain(401, 'Unauthorized\n', { 'www-authenticate': 'Basic' })
    },
    close: () => passwords.close(),
  }
  return protection
}

async function load(file: string): Promise<Loaded> {
  const config = parseWebConfig(await readFile(file, 'utf8'), file)
  return { config, tls: config.tls && (await tlsOptions(config.tls)) }
}

/** Times and sizes of all files; a missing one is a stamp too. */
async function stampsOf(file: string, { tls }: WebConfig): Promise<string> {
  const sources = tls === undefined ? [] : [tls.cert, tls.key, tls.clientCa]
  const files = [file, ...sources.flatMap((source: PemSource | undefined) => (source !== undefined && 'file' in source ? [source.file] : []))]
  const stamps = await Promise.all(files.map(async (path) => stat(path).then(({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`, () => 'missing')))
  return stamps.join('\n')
}

function readBasic(authorization: string | undefined): { user: string; password: string } | undefined {
  const encoded = /^basic (.*)$/i.exec(authorization ?? '')?.[1]
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** A token bucket: whether one more request may come now. */
function createBucket({ rateLimit }: WebConfig): () => boolean {
  if (rateLimit === undefined) return () => true
  const { intervalMs, burst } = rateLimit
  let tokens = burst
  let filledMs = performance.now()
  return () => {
    const nowMs = performance.now()
    tokens = Math.min(burst, tokens + (nowMs - filledMs) / intervalMs)
    filledMs = nowMs
    if (tokens < 1) return false
    tokens--
    return true
  }
}
