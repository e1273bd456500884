// An e-mail as bytes: headers with the display names alone encoded, a text part and an HTML part, and the envelope its
// recipients come from. nodemailer's MIME writer does the encoding; nothing here speaks SMTP.

import { createHash, randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import addressparser from 'nodemailer/lib/addressparser'
import MimeNode from 'nodemailer/lib/mime-node'
import type { EmailConfig } from '../config/receiverConfig.ts'
import type { NotificationTemplates } from '../template/notificationTemplates.ts'
import type { Notification } from './receiver.ts'

export type EmailMessage = {
  readonly envelope: { readonly from: string; readonly to: readonly string[] }
  readonly bytes: Buffer
}

/** Renders everything. Throws `TemplateError`, and an `Error` for an address that is none. */
export async function composeEmail(config: EmailConfig, templates: NotificationTemplates, notification: Notification): Promise<EmailMessage> {
  const { data } = notification
  const render = (text: string) => templates.text(text, data)
  const from = addresses('from', render(config.from))
  const [sender] = from
  if (sender === undefined || from.length !== 1) throw new Error(`must be exactly one 'from' address (got: ${from.length})`)
  const to = addresses('to', render(config.to))

  const message = new MimeNode('multipart/alternative', { hostname: hostname(), textEncoding: 'Q', newline: 'win', disableFileAccess: true, disableUrlAccess: true })
  const headers = new Map(Object.entries(config.headers).map(([name, template]) => [name, render(template)]))
  for (const [name, value] of headers) message.setHeader(name, oneLine(value))
  if (!headers.has('Message-Id')) message.setHeader('Message-Id', `<${BigInt(notification.nowMs) * 1_000_000n}.${randomBytes(8).readBigUInt64BE()}@${hostname()}>`)
  if (!headers.has('Date')) message.setHeader('Date', dateHeader(notification.nowMs))
  if (config.threading.enabled) {
    const root = threadRoot(config, notification)
    message.setHeader('References', root)
    message.setHeader('In-Reply-To', root)
  }

  const text = config.text === '' ? '' : render(config.text)
  if (config.text !== '') addPart(message, 'text/plain', text)
  if (config.htmlFromText) addPart(message, 'text/html', htmlOfText(text))
  else if (config.html !== '') addPart(message, 'text/html', templates.html(config.html, data))
  return { envelope: { from: sender, to }, bytes: await message.build() }
}

function addPart(message: MimeNode, type: string, content: string): void {
  const part = message.createChild(`${type}; charset=UTF-8`, {})
  part.setHeader('Content-Transfer-Encoding', 'quoted-printable')
  part.setContent(content)
}

/** The plain addresses of a list. */
function addresses(what: 'from' | 'to', list: string): string[] {
  const found = addressparser(list, { flatten: true }).map(({ address }) => address ?? '')
  if (found.length === 0) throw new Error(`parse '${what}' addresses: mail: no address`)
  for (const address of found) {
    if (!/^[^\s@<>]+@[^\s@<>]+$/.test(address)) throw new Error(`parse '${what}' addresses: mail: ${JSON.stringify(list.trim())} is not a list of addresses such as Name <user@host>`)
  }
  return found
}

/** A rendered value cannot begin a header of its own. */
function oneLine(value: string): string {
  return value.replace(/[\r\n]+/g, ' ').replace(/[\0-\x08\x0b-\x1f\x7f]/g, '').trim()
}

/** RFC 1123 with the local zone in numbers. */
function dateHeader(timeMs: number): string {
  const zone = Temporal.Now.timeZoneId()
  const local = Temporal.Instant.fromEpochMilliseconds(timeMs).toZonedDateTimeISO(zone)
  const two = (value: number) => String(value).padStart(2, '0')
  const days = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
  const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
  const time = `${two(local.hour)}:${two(local.minute)}:${two(local.second)}`
  return `${days[local.dayOfWeek - 1]}, ${two(local.day)} ${months[local.month - 1]} ${local.year} ${time} ${local.offset.replace(':', '')}`
}

/** A message that never existed; all mails of the group refer to it, so mail programs show them as one thread. */
function threadRoot(config: EmailConfig, { groupKey, nowMs }: Notification): string {
  const hash = createHash('sha256').update(groupKey).digest('hex').slice(0, 16)
  const date = config.threading.threadByDate === 'daily' ? Temporal.Instant.fromEpochMilliseconds(nowMs).toZonedDateTimeISO(Temporal.Now.timeZoneId()).toPlainDate().toString() : ''
  return `<alert-${hash}-${date}@alertmanager>`
}

/** Plain text for mail programs that show the HTML part. */
function htmlOfText(text: string): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
  return `<!DOCTYPE html>\n<html><body><div style="font-family: sans-serif">${escaped.replace(/\r?\n/g, '<br>\n')}</div></body></html>\n`
}
