// The `global` section of alertmanager.yml, as far as receivers fall back to it: mail server, API URLs, tokens.

import { httpClientConfig, defaultHttpClientConfig, atMostOne, tlsConfig } from '../../src/base/config/httpClientConfig.ts'
import type { HttpClientConfig, TlsConfig } from '../../src/base/config/httpClientConfig.ts'
import type { YamlNode } from '../../src/base/config/yaml.ts'
import { httpUrl, optionalBool, optionalText, secret, secretUrl, text } from '../../src/base/config/yamlReaders.ts'
import type { FieldsOf, Reader } from '../../src/base/config/yamlReaders.ts'
import type { Secret } from '../../src/base/secret.ts'

export type Smarthost = { readonly host: string; readonly port: number }

/** Absent = not set globally. */
export type ReceiverGlobals = {
  readonly http: HttpClientConfig
  readonly smtpFrom: string
  readonly smtpSmarthost: Smarthost | undefined
  readonly smtpHello: string
  readonly smtpAuthUsername: string
  readonly smtpAuthPassword: Secret | undefined
  readonly smtpAuthPasswordFile: string | undefined
  readonly smtpAuthSecret: Secret | undefined
  readonly smtpAuthSecretFile: string | undefined
  readonly smtpAuthIdentity: string
  readonly smtpRequireTls: boolean
  readonly smtpTls: TlsConfig
  readonly smtpForceImplicitTls: boolean | undefined
  readonly slackApiUrl: Secret | undefined
  readonly slackApiUrlFile: string | undefined
  readonly slackAppToken: Secret | undefined
  readonly slackAppTokenFile: string | undefined
  readonly slackAppUrl: string
}

/** `host:port`; an IPv6 host is in brackets. */
export const smarthost: Reader<Smarthost> = (node) => {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d+)$/.exec(text(node))
  if (match === null) return node.fail(`expected host:port with a port number, found ${node.describe()}`)
  const port = Number(match[3])
  if (port < 1 || port > 65535) node.fail(`address ${text(node)}: invalid port`)
  return { host: match[1] ?? match[2] ?? '', port }
}

/** Receivers that are not built yet read these from here. */
const otherReceivers = {
  victorops_api_key: secret,
  victorops_api_key_file: optionalText,
  victorops_api_url: httpUrl,
  pagerduty_url: httpUrl,
  opsgenie_api_key: secret,
  opsgenie_api_key_file: optionalText,
  opsgenie_api_url: httpUrl,
  wechat_api_url: httpUrl,
  wechat_api_secret: secret,
  wechat_api_secret_file: optionalText,
  wechat_api_corp_id: optionalText,
  telegram_api_url: httpUrl,
  telegram_bot_token: secret,
  telegram_bot_token_file: optionalText,
  webex_api_url: httpUrl,
  jira_api_url: httpUrl,
  rocketchat_api_url: httpUrl,
  rocketchat_token: secret,
  rocketchat_token_file: optionalText,
  rocketchat_token_id: secret,
  rocketchat_token_id_file: optionalText,
  mattermost_webhook_url: secretUrl,
  mattermost_webhook_url_file: optionalText,
}

/** The keys of `global` beside `resolve_timeout`. Secret files are relative to the working directory, as in Alertmanager. */
export const globalReceiverSchema = {
  http_config: httpClientConfig,
  smtp_from: text,
  smtp_smarthost: smarthost,
  smtp_hello: text,
  smtp_auth_username: text,
  smtp_auth_password: secret,
  smtp_auth_password_file: optionalText,
  smtp_auth_secret: secret,
  smtp_auth_secret_file: optionalText,
  smtp_auth_identity: text,
  smtp_require_tls: optionalBool,
  smtp_tls_config: tlsConfig,
  smtp_force_implicit_tls: optionalBool,
  slack_api_url: secretUrl,
  slack_api_url_file: optionalText,
  slack_app_token: secret,
  slack_app_token_file: optionalText,
  slack_app_url: httpUrl,
  ...otherReceivers,
}

const defaultSlackAppUrl = 'https://slack.com/api/chat.postMessage'

/** Checks what excludes what, and fills in the defaults. */
export function readReceiverGlobals(node: YamlNode, read: FieldsOf<typeof globalReceiverSchema>): ReceiverGlobals {
  for (const key of Object.keys(globalReceiverSchema)) {
    if (Object.hasOwn(globalReceiverSchema, `${key}_file`)) atMostOne(node, [key, `${key}_file`])
  }
  const slackAppUrl = read.slack_app_url ?? defaultSlackAppUrl
  const hasToken = read.slack_app_token !== undefined || read.slack_app_token_file !== undefined
  if (hasToken && (read.slack_api_url_file !== undefined || (read.slack_api_url !== undefined && read.slack_api_url.reveal() !== slackAppUrl))) {
    node.at('slack_app_token').fail('at most one of slack_app_token/slack_app_token_file & slack_api_url/slack_api_url_file must be configured')
  }
  return {
    http: read.http_config ?? defaultHttpClientConfig,
    smtpFrom: read.smtp_from ?? '',
    smtpSmarthost: read.smtp_smarthost,
    smtpHello: read.smtp_hello ?? 'localhost',
    smtpAuthUsername: read.smtp_auth_username ?? '',
    smtpAuthPassword: read.smtp_auth_password,
    smtpAuthPasswordFile: read.smtp_auth_password_file,
    smtpAuthSecret: read.smtp_auth_secret,
    smtpAuthSecretFile: read.smtp_auth_secret_file,
    smtpAuthIdentity: read.smtp_auth_identity ?? '',
    smtpRequireTls: read.smtp_require_tls ?? true,
    smtpTls: read.smtp_tls_config ?? { insecureSkipVerify: false },
    smtpForceImplicitTls: read.smtp_force_implicit_tls,
    slackApiUrl: read.slack_api_url,
    slackApiUrlFile: read.slack_api_url_file,
    slackAppToken: read.slack_app_token,
    slackAppTokenFile: read.slack_app_token_file,
    slackAppUrl,
  }
}
