// `email_configs`: read strictly as Alertmanager does, and beyond that the keys people expect and Alertmanager refuses
// (subject, body, cc, bcc, reply_to). Those load with a warning, and are rewritten into what the original understands.

import { tlsConfig, atMostOne } from '../../src/base/config/httpClientConfig.ts'
import type { YamlNode } from '../../src/base/config/yaml.ts'
import { bool, fields, oneOf, optionalBool, optionalText, record, secret, text } from '../../src/base/config/yamlReaders.ts'
import type { FieldsOf, Reader } from '../../src/base/config/yamlReaders.ts'
import type { EmailConfig } from './receiverConfig.ts'
import { smarthost } from './receiverGlobals.ts'
import type { ReceiverGlobals } from './receiverGlobals.ts'

const threading: Reader<EmailConfig['threading']> = (node) => {
  const read = fields(node, { enabled: bool, thread_by_date: oneOf('none', 'daily') })
  if (read.enabled === true && read.thread_by_date === undefined) node.fail('thread_by_date must be none or daily when threading is enabled')
  return { enabled: read.enabled ?? false, threadByDate: read.thread_by_date ?? 'none' }
}

export const emailSchema = {
  send_resolved: optionalBool,
  to: text,
  from: text,
  hello: text,
  smarthost,
  auth_username: text,
  auth_password: secret,
  auth_password_file: optionalText,
  auth_secret: secret,
  auth_secret_file: optionalText,
  auth_identity: text,
  require_tls: optionalBool,
  tls_config: tlsConfig,
  force_implicit_tls: optionalBool,
  headers: record(text),
  html: text,
  text,
  threading,
  subject: text,
  body: text,
  cc: text,
  bcc: text,
  reply_to: text,
}

export function readEmail(node: YamlNode, read: FieldsOf<typeof emailSchema>, globals: ReceiverGlobals): EmailConfig {
  atMostOne(node, ['auth_password', 'auth_password_file'])
  atMostOne(node, ['auth_secret', 'auth_secret_file'])
  const headers = readHeaders(node)
  const meant = readFriendlyKeys(node, read, headers)
  if (meant.to === '') node.fail('missing to address in email config')
  const host = read.smarthost ?? globals.smtpSmarthost
  if (host === undefined) return node.fail('no SMTP smarthost set; set smarthost here or smtp_smarthost in global')
  const from = read.from || globals.smtpFrom
  if (from === '') node.fail('no SMTP from address set; set from here or smtp_from in global')
  if (read.threading?.enabled === true && (headers['References'] !== undefined || headers['In-Reply-To'] !== undefined)) {
    node.at('headers').fail('custom References or In-Reply-To headers are not allowed when threading is enabled')
  }
  const hasOwnPassword = read.auth_password !== undefined || read.auth_password_file !== undefined
  const password = hasOwnPassword ? read.auth_password : globals.smtpAuthPassword
  const passwordFile = hasOwnPassword ? read.auth_password_file : globals.smtpAuthPasswordFile
  const hasOwnSecret = read.auth_secret !== undefined || read.auth_secret_file !== undefined
  const authSecret = hasOwnSecret ? read.auth_secret : globals.smtpAuthSecret
  const authSecretFile = hasOwnSecret ? read.auth_secret_file : globals.smtpAuthSecretFile
  return {
    kind: 'email',
    index: 0,
    sendResolved: read.send_resolved ?? false,
    to: meant.to,
    from,
    hello: read.hello || globals.smtpHello,
    smarthost: host,
    authUsername: read.auth_username || globals.smtpAuthUsername,
    ...(password !== undefined && { authPassword: password }),
    ...(passwordFile !== undefined && { authPasswordFile: passwordFile }),
    ...(authSecret !== undefined && { authSecret }),
    ...(authSecretFile !== undefined && { authSecretFile }),
    authIdentity: read.auth_identity || globals.smtpAuthIdentity,
    requireTls: read.require_tls ?? globals.smtpRequireTls,
    forceImplicitTls: read.force_implicit_tls ?? globals.smtpForceImplicitTls,
    tls: read.tls_config ?? globals.smtpTls,
    headers: { Subject: '{{ template "email.default.subject" . }}', To: meant.to, From: from, ...headers },
    html: meant.html,
    text: meant.text,
    htmlFromText: meant.htmlFromText,
    threading: read.threading ?? { enabled: false, threadByDate: 'none' },
  }
}

/** Header names in canonical spelling: `message-ID` becomes `Message-Id`. */
function readHeaders(node: YamlNode): Record<string, string> {
  const headers: Record<string, string> = {}
  const at = node.get('headers')
  for (const { key, value } of at === undefined || at.isNull ? [] : at.entries()) {
    const name = canonicalHeader(key)
    if (Object.hasOwn(headers, name)) value.fail(`duplicate header "${name}" in email config`)
    headers[name] = value.isNull ? '' : text(value)
  }
  return headers
}

function canonicalHeader(name: string): string {
  return name
    .split('-')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1).toLowerCase())
    .join('-')
}

type Meant = { readonly to: string; readonly text: string; readonly html: string; readonly htmlFromText: boolean }

/** Gives the keys that only people know their meaning, puts their headers into `headers`, and rewrites the printed form. */
function readFriendlyKeys(node: YamlNode, read: FieldsOf<typeof emailSchema>, headers: Record<string, string>): Meant {
  const setHeader = (name: string, value: string) => {
    headers[name] = value
    node.setPrinted(['headers', name], value)
  }
  const readAs = (key: string, meaning: string) => {
    node.at(key).warn(`Alertmanager refuses this key ("field ${key} not found in type config.plain"); it is read here as ${meaning}`)
    node.removePrinted(key)
  }
  const readAsHeader = (key: string, name: string, value: string | undefined) => {
    if (value === undefined) return
    readAs(key, `headers.${name}`)
    if (headers[name] === undefined) setHeader(name, value)
    else node.at(key).warn(`headers.${name} is set as well and wins`)
  }
  readAsHeader('subject', 'Subject', read.subject)
  readAsHeader('reply_to', 'Reply-To', read.reply_to)
  const to = read.to ?? ''
  const copies = [read.cc, read.bcc].filter((addresses) => addresses !== undefined && addresses !== '')
  const everyone = [to, ...copies].join(', ')
  if (copies.length > 0) {
    if (headers['To'] === undefined) setHeader('To', to)
    node.setPrinted(['to'], everyone)
  }
  readAsHeader('cc', 'Cc', read.cc)
  if (read.bcc !== undefined) readAs('bcc', 'more addresses in to, with a To header that does not show them')
  if (read.body === undefined) {
    return { to: everyone, text: read.text ?? '', html: read.html ?? '{{ template "email.default.html" . }}', htmlFromText: false }
  }
  if (read.text !== undefined) node.at('body').fail('body and text mean the same; write only text')
  const htmlFromText = read.html === undefined
  readAs('body', htmlFromText ? 'text, and as html made of that text' : 'text')
  node.setPrinted(['text'], read.body)
  if (htmlFromText) node.setPrinted(['html'], '')
  return { to: everyone, text: read.body, html: read.html ?? '', htmlFromText }
}
