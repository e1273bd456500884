// Readers of the `receivers` section: one receiver with its lists of integrations. Slack, e-mail and webhook are read in
// full; the other kinds are checked for unknown keys and reported as not built yet.

import { httpClientConfig, atMostOne } from '../../src/base/config/httpClientConfig.ts'
import type { HttpClientConfig } from '../../src/base/config/httpClientConfig.ts'
import type { YamlNode } from '../../src/base/config/yaml.ts'
import { bool, fields, goDuration, httpUrl, list, maskSecrets, optionalBool, optionalText, record, secret, secretUrl, text, tree, unsigned } from '../../src/base/config/yamlReaders.ts'
import type { FieldsOf, Reader, Schema } from '../../src/base/config/yamlReaders.ts'
import { isLabelName } from '../../src/base/names.ts'
import { maskedSecret, Secret } from '../../src/base/secret.ts'
import { readEmail, emailSchema } from './emailConfig.ts'
import type { IntegrationConfig, ReceiverConfig, SlackActionConfig, SlackConfig, SlackConfirmConfig, SlackFieldConfig, WebhookConfig } from './receiverConfig.ts'
import type { ReceiverGlobals } from './receiverGlobals.ts'
import { unbuiltReceivers } from './receiverKeys.ts'

/** Reads one item of `receivers`. */
export function readReceiver(node: YamlNode, globals: ReceiverGlobals): ReceiverConfig {
  const read = fields(node, {
    name: text,
    labels: receiverLabels,
    webhook_configs: list((at: YamlNode) => readWebhook(at, globals)),
    slack_configs: list((at: YamlNode) => readSlack(at, globals)),
    email_configs: list((at: YamlNode) => readEmail(at, fields(at, emailSchema), globals)),
    ...unbuiltSchema,
  })
  const name = read.name ?? ''
  if (name === '') node.fail('missing name in receiver')
  if (read.labels?.['name'] !== undefined && read.labels['name'] !== name) {
    node.at('labels').fail('the label "name" of a receiver is its name and cannot differ from it')
  }
  const unbuilt = read as unknown as FieldsOf<typeof unbuiltSchema> // those keys were read by those readers
  const numbered = (items: readonly IntegrationConfig[] | undefined) => (items ?? []).map((item, index) => ({ ...item, index }))
  return {
    name,
    labels: { ...read.labels, name },
    integrations: [
      ...numbered(read.webhook_configs),
      ...numbered(read.email_configs),
      ...Object.keys(unbuiltSchema).flatMap((key) => numbered(unbuilt[key])),
      ...numbered(read.slack_configs),
    ],
  }
}

const receiverLabels: Reader<Record<string, string>> = (node) => {
  const labels = record(text)(node)
  for (const { key, value } of node.entries()) if (!isLabelName(key)) value.fail(`invalid label name "${key}"`)
  return labels
}

/** One list reader per kind that is not built; the kind's own keys are still checked. */
const unbuiltSchema: Readonly<Record<string, Reader<IntegrationConfig[]>>> = Object.fromEntries(
  Object.entries(unbuiltReceivers).map(([type, { sendResolved, keys }]) => {
    const schema: Schema & { readonly send_resolved: Reader<boolean> } = {
      ...Object.fromEntries(keys.map((key) => [key, tree])),
      send_resolved: optionalBool,
      http_config: httpClientConfig,
    }
    const reader = list((node: YamlNode): IntegrationConfig => {
      const read: FieldsOf<{ readonly send_resolved: Reader<boolean> }> = fields(node, schema)
      maskSecrets(node)
      node.warn(`${type} is a valid receiver in Alertmanager but not built here yet: every notification to it fails`)
      return { kind: 'unbuilt', type, index: 0, sendResolved: read.send_resolved ?? sendResolved }
    })
    return [`${type}_configs`, reader]
  }),
)

function readWebhook(node: YamlNode, globals: ReceiverGlobals): WebhookConfig {
  const read = fields(node, {
    send_resolved: optionalBool,
    url: webhookUrl,
    url_file: optionalText,
    max_alerts: unsigned,
    timeout: goDuration,
    payload: tree,
    http_config: httpClientConfig,
  })
  atMostOne(node, ['url', 'url_file'])
  if (read.url === undefined && read.url_file === undefined) node.fail('one of url or url_file must be configured')
  return {
    kind: 'webhook',
    index: 0,
    sendResolved: read.send_resolved ?? true,
    ...(read.url !== undefined && { url: read.url }),
    ...(read.url_file !== undefined && { urlFile: read.url_file }),
    maxAlerts: read.max_alerts ?? 0,
    timeoutMs: read.timeout ?? 0,
    ...(read.payload !== undefined && { payload: read.payload }),
    http: read.http_config ?? globals.http,
  }
}

/** Shown as a URL with the path masked, because older clients parse what they are shown as a URL. A template is masked whole. */
const webhookUrl: Reader<Secret> = (node) => {
  const value = text(node)
  if (value.includes('{{')) {
    node.mask(maskedSecret)
    return new Secret(value)
  }
  httpUrl(node)
  const { protocol, host } = new URL(value)
  node.mask(`${protocol}//${host}/%3Csecret%3E`)
  return new Secret(value)
}

const slackField: Reader<SlackFieldConfig> = (node) => {
  const read = fields(node, { title: text, value: text, short: optionalBool })
  if (!read.title) node.fail('missing title in Slack field configuration')
  if (!read.value) node.fail('missing value in Slack field configuration')
  return { title: read.title ?? '', value: read.value ?? '', ...(read.short !== undefined && { short: read.short }) }
}

const slackConfirm: Reader<SlackConfirmConfig> = (node) => {
  const read = fields(node, { title: text, text, ok_text: text, dismiss_text: text })
  if (!read.text) node.fail('missing text in Slack confirmation configuration')
  return { title: read.title ?? '', text: read.text ?? '', okText: read.ok_text ?? '', dismissText: read.dismiss_text ?? '' }
}

const slackAction: Reader<SlackActionConfig> = (node) => {
  const read = fields(node, { type: text, text, url: text, style: text, name: text, value: text, confirm: slackConfirm })
  if (!read.type) node.fail('missing type in Slack action configuration')
  if (!read.text) node.fail('missing text in Slack action configuration')
  const base = { type: read.type ?? '', text: read.text ?? '', style: read.style ?? '' }
  if (read.url) return { ...base, url: read.url, name: '', value: '' }
  if (!read.name) node.fail('missing name or url in Slack action configuration')
  return { ...base, url: '', name: read.name ?? '', value: read.value ?? '', ...(read.confirm && { confirm: read.confirm }) }
}

const slackTemplate = (name: string) => `{{ template "slack.default.${name}" . }}`

const slackSchema = {
  send_resolved: optionalBool,
  http_config: httpClientConfig,
  api_url: secretUrl,
  api_url_file: optionalText,
  app_token: secret,
  app_token_file: optionalText,
  app_url: httpUrl,
  channel: text,
  username: text,
  color: text,
  title: text,
  title_link: text,
  pretext: text,
  text,
  message_text: text,
  fields: list(slackField),
  short_fields: bool,
  footer: text,
  fallback: text,
  callback_id: text,
  icon_emoji: text,
  icon_url: text,
  image_url: text,
  thumb_url: text,
  link_names: bool,
  mrkdwn_in: list(text),
  actions: list(slackAction),
  update_message: bool,
  timeout: goDuration,
}

function readSlack(node: YamlNode, globals: ReceiverGlobals): SlackConfig {
  const read = fields(node, slackSchema)
  const credentials = slackCredentials(node, read, globals)
  if (read.update_message === true && credentials.postsTo !== 'https://slack.com/api/chat.postMessage') {
    node.at('update_message').fail('update_message needs api_url https://slack.com/api/chat.postMessage (a token; a webhook cannot change what it sent)')
  }
  return {
    kind: 'slack',
    index: 0,
    sendResolved: read.send_resolved ?? false,
    ...credentials.keys,
    appUrl: read.app_url ?? globals.slackAppUrl,
    channel: read.channel ?? '',
    username: read.username ?? slackTemplate('username'),
    color: read.color ?? slackTemplate('color'),
    title: read.title ?? slackTemplate('title'),
    titleLink: read.title_link ?? slackTemplate('titlelink'),
    pretext: read.pretext ?? slackTemplate('pretext'),
    text: read.text ?? slackTemplate('text'),
    messageText: read.message_text ?? '',
    fields: read.fields ?? [],
    shortFields: read.short_fields ?? false,
    footer: read.footer ?? slackTemplate('footer'),
    fallback: read.fallback ?? slackTemplate('fallback'),
    callbackId: read.callback_id ?? slackTemplate('callbackid'),
    iconEmoji: read.icon_emoji ?? slackTemplate('iconemoji'),
    iconUrl: read.icon_url ?? slackTemplate('iconurl'),
    imageUrl: read.image_url ?? '',
    thumbUrl: read.thumb_url ?? '',
    linkNames: read.link_names ?? false,
    mrkdwnIn: read.mrkdwn_in ?? ['fallback', 'pretext', 'text'],
    actions: read.actions ?? [],
    updateMessage: read.update_message ?? false,
    timeoutMs: read.timeout ?? 0,
    http: read.http_config ?? globals.http,
  }
}

type SlackCredentials = {
  readonly keys: Pick<SlackConfig, 'apiUrl' | 'apiUrlFile' | 'appToken' | 'appTokenFile'>
  readonly postsTo: string | undefined
}

/** Own token or URL first; then the global token, unless the receiver authenticates itself; then the global URL. */
function slackCredentials(node: YamlNode, read: FieldsOf<typeof slackSchema>, globals: ReceiverGlobals): SlackCredentials {
  atMostOne(node, ['api_url', 'api_url_file'])
  atMostOne(node, ['app_token', 'app_token_file'])
  const appUrl = read.app_url ?? globals.slackAppUrl
  const ownAuthorization: HttpClientConfig['authorization'] = read.http_config?.authorization
  const hasOwnToken = read.app_token !== undefined || read.app_token_file !== undefined
  const hasOwnUrl = read.api_url !== undefined || read.api_url_file !== undefined
  if (hasOwnToken && (read.api_url_file !== undefined || (read.api_url !== undefined && read.api_url.reveal() !== appUrl))) {
    node.at('app_token').fail('at most one of app_token/app_token_file & api_url/api_url_file must be configured')
  }
  if (hasOwnToken && ownAuthorization !== undefined) {
    node.at('http_config').fail('http_config.authorization cannot be set together with app_token or app_token_file')
  }
  if (hasOwnToken) return { keys: slackKeys({ appToken: read.app_token, appTokenFile: read.app_token_file }), postsTo: appUrl }
  if (hasOwnUrl) return { keys: slackKeys({ apiUrl: read.api_url, apiUrlFile: read.api_url_file }), postsTo: read.api_url?.reveal() }
  const hasGlobalToken = globals.slackAppToken !== undefined || globals.slackAppTokenFile !== undefined
  if (hasGlobalToken && ownAuthorization === undefined) {
    return { keys: slackKeys({ appToken: globals.slackAppToken, appTokenFile: globals.slackAppTokenFile }), postsTo: appUrl }
  }
  if (globals.slackApiUrl === undefined && globals.slackApiUrlFile === undefined) {
    node.fail('no Slack API URL nor App token set either inline or in a file; set api_url here or slack_api_url in global')
  }
  return { keys: slackKeys({ apiUrl: globals.slackApiUrl, apiUrlFile: globals.slackApiUrlFile }), postsTo: globals.slackApiUrl?.reveal() }
}

/** Only what is set. */
function slackKeys(keys: {
  readonly apiUrl?: Secret | undefined
  readonly apiUrlFile?: string | undefined
  readonly appToken?: Secret | undefined
  readonly appTokenFile?: string | undefined
}): SlackCredentials['keys'] {
  return {
    ...(keys.apiUrl !== undefined && { apiUrl: keys.apiUrl }),
    ...(keys.apiUrlFile !== undefined && { apiUrlFile: keys.apiUrlFile }),
    ...(keys.appToken !== undefined && { appToken: keys.appToken }),
    ...(keys.appTokenFile !== undefined && { appTokenFile: keys.appTokenFile }),
  }
}
