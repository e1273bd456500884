// The `receivers` of alertmanager.yml. Global fallbacks (smtp_*, slack_api_url, http_config) are filled in, so that a
// receiver needs nothing but its own entry. Text fields are templates unless said otherwise.

import type { HttpClientConfig, TlsConfig } from '../../src/base/config/httpClientConfig.ts'
import type { Secret } from '../../src/base/secret.ts'

export type ReceiverConfig = {
  readonly name: string
  /** Always contains `name`. */
  readonly labels: Readonly<Record<string, string>>
  readonly integrations: readonly IntegrationConfig[]
}

export type IntegrationConfig = WebhookConfig | SlackConfig | EmailConfig | UnbuiltIntegrationConfig

export type WebhookConfig = {
  readonly kind: 'webhook'
  /** Position within the receiver's own list of this kind; part of the notification log's key. */
  readonly index: number
  readonly sendResolved: boolean
  /** Exactly one of `url` (a template) and `urlFile`. */
  readonly url?: Secret
  readonly urlFile?: string
  /** 0 = all. */
  readonly maxAlerts: number
  /** 0 = none of its own. */
  readonly timeoutMs: number
  /** Any tree; its strings are templates. */
  readonly payload?: unknown
  readonly http: HttpClientConfig
}

export type SlackFieldConfig = { readonly title: string; readonly value: string; readonly short?: boolean }

export type SlackConfirmConfig = {
  readonly title: string
  readonly text: string
  readonly okText: string
  readonly dismissText: string
}

export type SlackActionConfig = {
  readonly type: string
  readonly text: string
  readonly url: string
  readonly style: string
  readonly name: string
  readonly value: string
  readonly confirm?: SlackConfirmConfig
}

export type SlackConfig = {
  readonly kind: 'slack'
  readonly index: number
  readonly sendResolved: boolean
  /** Exactly one of these; with an app token the API URL is `appUrl`. */
  readonly apiUrl?: Secret
  readonly apiUrlFile?: string
  readonly appToken?: Secret
  readonly appTokenFile?: string
  readonly appUrl: string
  readonly channel: string
  readonly username: string
  readonly color: string
  readonly title: string
  readonly titleLink: string
  readonly pretext: string
  readonly text: string
  readonly messageText: string
  readonly fields: readonly SlackFieldConfig[]
  readonly shortFields: boolean
  readonly footer: string
  readonly fallback: string
  readonly callbackId: string
  readonly iconEmoji: string
  readonly iconUrl: string
  readonly imageUrl: string
  readonly thumbUrl: string
  readonly linkNames: boolean
  readonly mrkdwnIn: readonly string[]
  readonly actions: readonly SlackActionConfig[]
  readonly updateMessage: boolean
  readonly timeoutMs: number
  readonly http: HttpClientConfig
}

export type EmailConfig = {
  readonly kind: 'email'
  readonly index: number
  readonly sendResolved: boolean
  /** Comma-separated addresses. */
  readonly to: string
  readonly from: string
  /** Not a template. */
  readonly hello: string
  /** `host:port`, not a template. */
  readonly smarthost: { readonly host: string; readonly port: number }
  /** Empty = no authentication. */
  readonly authUsername: string
  readonly authPassword?: Secret
  readonly authPasswordFile?: string
  readonly authSecret?: Secret
  readonly authSecretFile?: string
  readonly authIdentity: string
  readonly requireTls: boolean
  /** Undefined = implicit TLS exactly when the port is 465. */
  readonly forceImplicitTls: boolean | undefined
  readonly tls: TlsConfig
  /** Canonical names (`Subject`, `Message-Id`) to templates; `Subject`, `To`, `From` are always there. */
  readonly headers: Readonly<Record<string, string>>
  /** Empty = no such part. */
  readonly html: string
  readonly text: string
  /** From the founding set-up's `body` key: text/html is the rendered `text`, escaped, with line breaks. */
  readonly htmlFromText: boolean
  readonly threading: { readonly enabled: boolean; readonly threadByDate: 'none' | 'daily' }
}

/** Valid in Alertmanager, not built here yet: it loads with a warning and every send fails with this said. */
export type UnbuiltIntegrationConfig = {
  readonly kind: 'unbuilt'
  /** Such as `pagerduty`. */
  readonly type: string
  readonly index: number
  readonly sendResolved: boolean
}
