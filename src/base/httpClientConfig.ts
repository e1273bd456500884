// The HTTP client keys that scrape jobs, service discoveries, external Alertmanagers and receivers share: authentication,
// TLS, proxy, redirects and extra headers. Types and reader; the client itself is in httpClient.ts.

import type { Secret } from './secret.ts'

export type TlsVersion = 'TLS10' | 'TLS11' | 'TLS12' | 'TLS13'

/** Inline PEM and file forms exclude each other. Paths are already joined to the configuration's directory. */
export type TlsConfig = {
  readonly ca?: string
  readonly caFile?: string
  readonly cert?: string
  readonly certFile?: string
  readonly key?: Secret
  readonly keyFile?: string
  readonly serverName?: string
  readonly insecureSkipVerify: boolean
  readonly minVersion?: TlsVersion
  readonly maxVersion?: TlsVersion
}

export type ProxyConfig = {
  readonly proxyUrl?: Secret
  readonly noProxy: string
  readonly proxyFromEnvironment: boolean
  readonly proxyConnectHeader: Readonly<Record<string, readonly Secret[]>>
}

/** Secret files are read again for each request and trimmed. */
export type BasicAuthConfig = {
  readonly username: string
  readonly usernameFile?: string
  readonly password?: Secret
  readonly passwordFile?: string
}

/** Sent as `Authorization: <type> <credentials>`; `bearer_token(_file)` is read into this too. */
export type AuthorizationConfig = {
  readonly type: string
  readonly credentials?: Secret
  readonly credentialsFile?: string
}

export type OAuth2Config = {
  readonly clientId: string
  readonly clientSecret?: Secret
  readonly clientSecretFile?: string
  readonly scopes: readonly string[]
  readonly tokenUrl: string
  readonly endpointParams: Readonly<Record<string, string>>
  readonly grantType: 'client_credentials' | 'urn:ietf:params:oauth:grant-type:jwt-bearer'
  readonly clientCertificateKey?: Secret
  readonly clientCertificateKeyFile?: string
  readonly clientCertificateKeyId: string
  readonly signatureAlgorithm: 'RS256' | 'RS384' | 'RS512'
  readonly iss: string
  readonly audience: string
  readonly claims: Readonly<Record<string, unknown>>
  readonly tls: TlsConfig
  readonly proxy: ProxyConfig
}

export type HttpHeaderConfig = {
  readonly name: string
  readonly values: readonly string[]
  readonly secrets: readonly Secret[]
  readonly files: readonly string[]
}

/** At most one of `basicAuth`, `authorization`, `oauth2`. */
export type HttpClientConfig = {
  readonly basicAuth?: BasicAuthConfig
  readonly authorization?: AuthorizationConfig
  readonly oauth2?: OAuth2Config
  readonly tls: TlsConfig
  readonly proxy: ProxyConfig
  readonly followRedirects: boolean
  readonly enableHttp2: boolean
  readonly httpHeaders: readonly HttpHeaderConfig[]
}

export const defaultHttpClientConfig: HttpClientConfig = {
  tls: { insecureSkipVerify: false },
  proxy: { noProxy: '', proxyFromEnvironment: false, proxyConnectHeader: {} },
  followRedirects: true,
  enableHttp2: true,
  httpHeaders: [],
}
