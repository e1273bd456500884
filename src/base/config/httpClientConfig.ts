// The HTTP client keys that scrape jobs, service discoveries, external Alertmanagers and receivers share: authentication,
// TLS, proxy, redirects and extra headers. Types and reader; the client itself is in httpClient.ts.

import { maskUrlPassword, Secret } from '../secret.ts'
import type { YamlNode } from './yaml.ts'
import { bool, fields, filePath, list, oneOf, optionalFile, optionalText, record, secret, text, tree } from './yamlReaders.ts'
import type { FieldsOf, Reader } from './yamlReaders.ts'

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

const tlsVersion = oneOf<TlsVersion>('TLS10', 'TLS11', 'TLS12', 'TLS13')

/** Secret providers are an extension point of Prometheus that its own binary does not fill either. */
const secretRef: Reader<never> = (node) => node.fail('secret references need a secret provider, and there is none; use the _file form')

export const tlsConfig: Reader<TlsConfig> = (node) => {
  const read = fields(node, {
    ca: optionalText,
    ca_file: optionalFile,
    ca_ref: secretRef,
    cert: optionalText,
    cert_file: optionalFile,
    cert_ref: secretRef,
    key: secret,
    key_file: optionalFile,
    key_ref: secretRef,
    server_name: optionalText,
    insecure_skip_verify: bool,
    min_version: tlsVersion,
    max_version: tlsVersion,
  })
  atMostOne(node, ['ca', 'ca_file'])
  atMostOne(node, ['cert', 'cert_file'])
  atMostOne(node, ['key', 'key_file'])
  const hasCert = read.cert !== undefined || read.cert_file !== undefined
  const hasKey = read.key !== undefined || read.key_file !== undefined
  if (hasCert && !hasKey) node.fail('exactly one of key or key_file must be configured when a client certificate is configured')
  if (hasKey && !hasCert) node.fail('exactly one of cert or cert_file must be configured when a client key is configured')
  if (read.min_version !== undefined && read.max_version !== undefined && read.max_version < read.min_version) {
    node.at('max_version').fail('tls_config.max_version must be greater than or equal to tls_config.min_version if both are specified')
  }
  return {
    insecureSkipVerify: read.insecure_skip_verify ?? false,
    ...(read.ca !== undefined && { ca: read.ca }),
    ...(read.ca_file !== undefined && { caFile: read.ca_file }),
    ...(read.cert !== undefined && { cert: read.cert }),
    ...(read.cert_file !== undefined && { certFile: read.cert_file }),
    ...(read.key !== undefined && { key: read.key }),
    ...(read.key_file !== undefined && { keyFile: read.key_file }),
    ...(read.server_name !== undefined && { serverName: read.server_name }),
    ...(read.min_version !== undefined && { minVersion: read.min_version }),
    ...(read.max_version !== undefined && { maxVersion: read.max_version }),
  }
}

/** Fails when the mapping has more than one of `keys` with a value. */
export function atMostOne(node: YamlNode, keys: readonly string[]): void {
  const found = keys.filter((key) => node.get(key)?.isNull === false)
  const second = found[1]
  if (second !== undefined) node.at(second).fail(`at most one of ${keys.join(', ')} must be configured`)
}

const basicAuthConfig: Reader<BasicAuthConfig> = (node) => {
  const read = fields(node, {
    username: text,
    username_file: optionalFile,
    username_ref: secretRef,
    password: secret,
    password_file: optionalFile,
    password_ref: secretRef,
  })
  atMostOne(node, ['username', 'username_file'])
  atMostOne(node, ['password', 'password_file'])
  return {
    username: read.username ?? '',
    ...(read.username_file !== undefined && { usernameFile: read.username_file }),
    ...(read.password !== undefined && { password: read.password }),
    ...(read.password_file !== undefined && { passwordFile: read.password_file }),
  }
}

const authorizationConfig: Reader<AuthorizationConfig> = (node) => {
  const read = fields(node, { type: optionalText, credentials: secret, credentials_file: optionalFile, credentials_ref: secretRef })
  atMostOne(node, ['credentials', 'credentials_file'])
  const type = (read.type ?? '').trim() || 'Bearer'
  if (type.toLowerCase() === 'basic') node.at('type').fail('authorization type cannot be set to "basic", use "basic_auth" instead')
  return {
    type,
    ...(read.credentials !== undefined && { credentials: read.credentials }),
    ...(read.credentials_file !== undefined && { credentialsFile: read.credentials_file }),
  }
}

const proxySchema = {
  proxy_url: proxyUrl,
  no_proxy: optionalText,
  proxy_from_environment: bool,
  proxy_connect_header: record(list(secret)),
}

/** A function so that the schema above may use it before its line. Passwords in the URL make it a secret. */
function proxyUrl(node: YamlNode): Secret {
  const value = text(node)
  if (!URL.canParse(value)) node.fail('expected a URL such as http://proxy:3128')
  node.mask(maskUrlPassword(value))
  return new Secret(value)
}

function readProxy(node: YamlNode, read: FieldsOf<typeof proxySchema>): ProxyConfig {
  const fromEnvironment = read.proxy_from_environment ?? false
  if (fromEnvironment && read.proxy_url !== undefined) node.at('proxy_url').fail('if proxy_from_environment is configured, proxy_url must not be configured')
  if (fromEnvironment && read.no_proxy !== undefined) node.at('no_proxy').fail('if proxy_from_environment is configured, no_proxy must not be configured')
  if (read.no_proxy !== undefined && read.proxy_url === undefined) node.at('no_proxy').fail('if no_proxy is configured, proxy_url must also be configured')
  if (Object.keys(read.proxy_connect_header ?? {}).length > 0 && !fromEnvironment && read.proxy_url === undefined) {
    node.at('proxy_connect_header').fail('if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured')
  }
  return {
    ...(read.proxy_url !== undefined && { proxyUrl: read.proxy_url }),
    noProxy: read.no_proxy ?? '',
    proxyFromEnvironment: fromEnvironment,
    proxyConnectHeader: read.proxy_connect_header ?? {},
  }
}

const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

const oauth2Config: Reader<OAuth2Config> = (node) => {
  const read = fields(node, {
    client_id: text,
    client_secret: secret,
    client_secret_file: optionalFile,
    client_secret_ref: secretRef,
    scopes: list(text),
    token_url: text,
    endpoint_params: record(text),
    grant_type: oneOf<OAuth2Config['grantType'] | ''>('client_credentials', jwtBearer, ''),
    client_certificate_key: secret,
    client_certificate_key_file: optionalFile,
    client_certificate_key_ref: secretRef,
    client_certificate_key_id: text,
    signature_algorithm: oneOf<OAuth2Config['signatureAlgorithm'] | ''>('RS256', 'RS384', 'RS512', ''),
    iss: text,
    audience: text,
    claims: tree,
    tls_config: tlsConfig,
    http_headers: httpHeaders,
    ...proxySchema,
  })
  if ((read.client_id ?? '') === '') node.fail('oauth2 client_id must be configured')
  if ((read.token_url ?? '') === '') node.fail('oauth2 token_url must be configured')
  atMostOne(node, ['client_secret', 'client_secret_file'])
  atMostOne(node, ['client_certificate_key', 'client_certificate_key_file'])
  if (read.grant_type === jwtBearer && read.client_certificate_key === undefined && read.client_certificate_key_file === undefined) {
    node.fail('exactly one of client_certificate_key or client_certificate_key_file must be configured for the jwt-bearer grant')
  }
  return {
    clientId: read.client_id ?? '',
    ...(read.client_secret !== undefined && { clientSecret: read.client_secret }),
    ...(read.client_secret_file !== undefined && { clientSecretFile: read.client_secret_file }),
    scopes: read.scopes ?? [],
    tokenUrl: read.token_url ?? '',
    endpointParams: read.endpoint_params ?? {},
    grantType: read.grant_type || 'client_credentials',
    ...(read.client_certificate_key !== undefined && { clientCertificateKey: read.client_certificate_key }),
    ...(read.client_certificate_key_file !== undefined && { clientCertificateKeyFile: read.client_certificate_key_file }),
    clientCertificateKeyId: read.client_certificate_key_id ?? '',
    signatureAlgorithm: read.signature_algorithm || 'RS256',
    iss: read.iss ?? '',
    audience: read.audience ?? '',
    claims: isRecord(read.claims) ? read.claims : {},
    tls: read.tls_config ?? defaultHttpClientConfig.tls,
    proxy: readProxy(node, read),
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const reservedHeaders: ReadonlySet<string> = new Set(
  [
    'Authorization Host Content-Encoding Content-Length Content-Type User-Agent Connection Keep-Alive Proxy-Authenticate',
    'Proxy-Authorization Www-Authenticate Accept-Encoding X-Prometheus-Remote-Write-Version X-Prometheus-Remote-Read-Version',
    'X-Prometheus-Scrape-Timeout-Seconds X-Amz-Date X-Amz-Security-Token X-Amz-Content-Sha256',
  ]
    .join(' ')
    .toLowerCase()
    .split(' '),
)

/** Whether a header of this name is set by the client itself and so cannot be configured. */
export function isReservedHeader(name: string): boolean {
  return reservedHeaders.has(name.toLowerCase())
}

function httpHeaders(node: YamlNode): HttpHeaderConfig[] {
  return node.entries().map(({ key, value }) => {
    if (isReservedHeader(key)) value.fail(`the header "${key}" is set by the client and cannot be configured here`)
    const read = value.isNull ? {} : fields(value, { values: list(text), secrets: list(secret), files: list(filePath) })
    return { name: key, values: read.values ?? [], secrets: read.secrets ?? [], files: read.files ?? [] }
  })
}

/** The keys for a section that has them inline; `readHttpClient` makes the config of what was read. */
export const httpClientSchema = {
  basic_auth: basicAuthConfig,
  authorization: authorizationConfig,
  oauth2: oauth2Config,
  bearer_token: secret,
  bearer_token_file: optionalFile,
  tls_config: tlsConfig,
  follow_redirects: bool,
  enable_http2: bool,
  http_headers: httpHeaders,
  ...proxySchema,
}

/** Checks what excludes what, and fills in the defaults. */
export function readHttpClient(node: YamlNode, read: FieldsOf<typeof httpClientSchema>, defaults = defaultHttpClientConfig): HttpClientConfig {
  atMostOne(node, ['bearer_token', 'bearer_token_file'])
  const hasBearer = read.bearer_token !== undefined || read.bearer_token_file !== undefined
  const methods = [read.basic_auth, read.authorization, read.oauth2, hasBearer || undefined].filter((one) => one !== undefined)
  if (methods.length > 1) node.fail('at most one of basic_auth, authorization, oauth2, bearer_token & bearer_token_file must be configured')
  const bearer: AuthorizationConfig | undefined = hasBearer
    ? {
        type: 'Bearer',
        ...(read.bearer_token !== undefined && { credentials: read.bearer_token }),
        ...(read.bearer_token_file !== undefined && { credentialsFile: read.bearer_token_file }),
      }
    : undefined
  const authorization = read.authorization ?? bearer
  return {
    ...(read.basic_auth !== undefined && { basicAuth: read.basic_auth }),
    ...(authorization !== undefined && { authorization }),
    ...(read.oauth2 !== undefined && { oauth2: read.oauth2 }),
    tls: read.tls_config ?? defaults.tls,
    proxy: readProxy(node, read),
    followRedirects: read.follow_redirects ?? defaults.followRedirects,
    enableHttp2: read.enable_http2 ?? defaults.enableHttp2,
    httpHeaders: read.http_headers ?? [],
  }
}

/** A section of its own, such as `http_config` in alertmanager.yml. */
export const httpClientConfig: Reader<HttpClientConfig> = (node) => readHttpClient(node, fields(node, httpClientSchema))
