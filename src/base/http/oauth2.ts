// Access tokens for HTTP clients with an `oauth2` section: client credentials or a signed JWT, kept until shortly before
// they expire.

import { createSign, randomUUID } from 'node:crypto'
import type { OAuth2Config } from '../config/httpClientConfig.ts'
import { HttpRequestError, readConfiguredFile, readSecretFile } from './httpErrors.ts'

/** A token is asked for anew this long before it expires. */
const expiryMarginMs = 10_000

const jwtLifetimeSeconds = 3600

/** The part of an HTTP client that is needed to ask for a token. */
export type TokenClient = {
  request(request: {
    method: 'POST'
    url: string
    headers: Record<string, string>
    body: string
    timeoutMs: number
    maxBodyBytes: number
  }): Promise<{ readonly status: number; readonly statusLine: string; readonly body: Uint8Array }>
  close(): Promise<void>
}

type Token = { readonly text: string; readonly expiresAtMs: number }

export class OAuth2TokenSource {
  readonly #config: OAuth2Config
  readonly #client: TokenClient
  #token: Token | undefined
  #pending: Promise<Token> | undefined

  /** Closes `client` when it is closed. */
  constructor(config: OAuth2Config, client: TokenClient) {
    this.#config = config
    this.#client = client
  }

  /** A valid token. Throws `HttpRequestError` when the token endpoint gives none. */
  async token(timeoutMs: number, nowMs = Date.now()): Promise<string> {
    if (this.#token !== undefined && nowMs < this.#token.expiresAtMs - expiryMarginMs) return this.#token.text
    this.#pending ??= this.#fetch(timeoutMs, nowMs).finally(() => (this.#pending = undefined))
    this.#token = await this.#pending
    return this.#token.text
  }

  close(): Promise<void> {
    return this.#client.close()
  }

  async #fetch(timeoutMs: number, nowMs: number): Promise<Token> {
    const config = this.#config
    const form = new URLSearchParams(config.endpointParams)
    form.set('grant_type', config.grantType)
    if (config.grantType !== 'client_credentials') {
      form.set('assertion', await signedAssertion(config, nowMs))
      return this.#post(form, {}, timeoutMs, nowMs)
    }
    if (config.scopes.length > 0) form.set('scope', config.scopes.join(' '))
    const secret = config.clientSecretFile === undefined ? (config.clientSecret?.reveal() ?? '') : await readSecretFile(config.clientSecretFile)
    const pair = `${encodeURIComponent(config.clientId)}:${encodeURIComponent(secret)}`
    try {
      return await this.#post(form, { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }, timeoutMs, nowMs)
    } catch (error) {
      // Some servers know the client only by form fields. Go tries both ways too.
      if (!(error instanceof HttpRequestError) || error.reason !== 'credentials') throw error
      form.set('client_id', config.clientId)
      form.set('client_secret', secret)
      return this.#post(form, {}, timeoutMs, nowMs)
    }
  }

  async #post(form: URLSearchParams, headers: Record<string, string>, timeoutMs: number, nowMs: number): Promise<Token> {
    const answer = await this.#client.request({
      method: 'POST',
      url: this.#config.tokenUrl,
      headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
      timeoutMs,
      maxBodyBytes: 1 << 20,
    })
    if (answer.status < 200 || answer.status > 299)
      throw new HttpRequestError('credentials', `oauth2: cannot fetch token: ${answer.statusLine}`)
    return parseToken(Buffer.from(answer.body).toString('utf8'), nowMs)
  }
}

function parseToken(text: string, nowMs: number): Token {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new HttpRequestError('credentials', 'oauth2: cannot parse json', error)
  }
  const { access_token: accessToken, expires_in: expiresIn } = Object(parsed) as Record<string, unknown> // any JSON value; fields are checked below
  if (typeof accessToken !== 'string' || accessToken === '')
    throw new HttpRequestError('credentials', 'oauth2: server response missing access_token')
  const seconds = Number(expiresIn ?? 0)
  return { text: accessToken, expiresAtMs: seconds > 0 ? nowMs + seconds * 1000 : Infinity }
}

async function signedAssertion(config: OAuth2Config, nowMs: number): Promise<string> {
  const key = config.clientCertificateKeyFile === undefined
    ? (config.clientCertificateKey?.reveal() ?? '')
    : await readConfiguredFile(config.clientCertificateKeyFile)
  const issuedAt = Math.floor(nowMs / 1000)
  const header = {
    alg: config.signatureAlgorithm,
    typ: 'JWT',
    ...(config.clientCertificateKeyId !== '' && { kid: config.clientCertificateKeyId }),
  }
  const claims = {
    iss: config.iss === '' ? config.clientId : config.iss,
    sub: config.clientId,
    aud: config.audience === '' ? config.tokenUrl : config.audience,
    iat: issuedAt,
    exp: issuedAt + jwtLifetimeSeconds,
    jti: randomUUID(),
    ...(config.scopes.length > 0 && { scope: config.scopes.join(' ') }),
    ...config.claims,
  }
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${encode(header)}.${encode(claims)}`
  const sign = createSign(`RSA-SHA${config.signatureAlgorithm.slice(2)}`).update(signed)
  return `${signed}.${sign.sign(key).toString('base64url')}`
}
