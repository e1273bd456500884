// What an `http_config` adds to requests: headers of its own and an authorization. Secret files are read for each
// request; without files and tokens all is known beforehand.

import type { HttpClientConfig } from '../config/httpClientConfig.ts'
import type { Secret } from '../secret.ts'
import { readSecretFile } from './httpErrors.ts'
import type { OAuth2TokenSource } from './oauth2.ts'

export type Credentials = {
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly authorization: string | undefined
}

type CredentialConfig = Pick<HttpClientConfig, 'basicAuth' | 'authorization' | 'httpHeaders'>

export class CredentialSource {
  readonly #config: CredentialConfig
  readonly #oauth2: OAuth2TokenSource | undefined
  readonly #files: readonly string[]
  /** The credentials, when they are the same for each request. */
  readonly fixed: Credentials | undefined

  constructor(config: CredentialConfig, oauth2: OAuth2TokenSource | undefined) {
    const { basicAuth, authorization, httpHeaders } = config
    this.#config = config
    this.#oauth2 = oauth2
    const files = [...httpHeaders.flatMap((header) => header.files), basicAuth?.usernameFile, basicAuth?.passwordFile, authorization?.credentialsFile]
    this.#files = files.filter((file) => file !== undefined)
    if (this.#files.length === 0 && oauth2 === undefined) this.fixed = compose(config, new Map(), undefined)
  }

  /** Throws `HttpRequestError` when a file cannot be read, or when there is no token within `timeoutMs`. */
  async read(timeoutMs: number): Promise<Credentials> {
    if (this.fixed !== undefined) return this.fixed
    const texts = new Map<string, string>()
    for (const file of this.#files) texts.set(file, await readSecretFile(file))
    return compose(this.#config, texts, await this.#oauth2?.token(timeoutMs))
  }
}

/** The value of an `Authorization` header. */
export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`
}

function compose({ basicAuth, authorization, httpHeaders }: CredentialConfig, texts: ReadonlyMap<string, string>, token: string | undefined): Credentials {
  const textOf = (file: string) => texts.get(file) ?? ''
  const secretText = (inline: Secret | undefined, file: string | undefined) => (file !== undefined ? textOf(file) : (inline?.reveal() ?? ''))
  const headers = httpHeaders.map(({ name, values, secrets, files }) => [
    name.toLowerCase(),
    [...values, ...secrets.map((secret) => secret.reveal()), ...files.map(textOf)].join(', '),
  ])
  let value = token && `Bearer ${token}`
  if (authorization !== undefined) value = `${authorization.type} ${secretText(authorization.credentials, authorization.credentialsFile)}`
  if (basicAuth !== undefined) {
    const username = basicAuth.usernameFile === undefined ? basicAuth.username : textOf(basicAuth.usernameFile)
    value = basicAuthorization(username, secretText(basicAuth.password, basicAuth.passwordFile))
  }
  return { headers: Object.fromEntries(headers), authorization: value }
}
