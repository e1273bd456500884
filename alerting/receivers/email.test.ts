import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import type { SMTPServerOptions } from 'smtp-server'
import { afterEach, describe, expect, it } from 'vitest'
import { alertData, createNotification, createReceiver, notificationMs, sendOnce } from '../../test/helpers/alerting/notification.ts'
import { startMailServer, type MailServer } from '../../test/helpers/mailServer.ts'
import type { SendResult } from './receiver.ts'

const trusted = `tls_config: { ca_file: '${resolve('test/data/tls/localhost.crt')}' }`
const alerts = [alertData({ alertname: 'HighCPU', cluster: 'c1', instance: 'i1' })]
const notification = createNotification(alerts)

let server: MailServer | undefined
afterEach(() => server?.close())

/** Starts a server and sends one mail to it. */
async function mailTo(options: SMTPServerOptions, keys: string, { host = 'localhost', sent = notification, to = 'team@example.com' } = {}): Promise<{ result: SendResult; server: MailServer }> {
  server = await startMailServer(options, host)
  const email = await createReceiver(`email_configs: [{ to: '${to}', from: 'am@example.com', smarthost: '${host}:${server.port}', ${keys} }]`)
  return { result: await sendOnce(email, sent), server }
}

const login = 'auth_username: user, auth_password: secret'
const plain = 'require_tls: false'

describe('the e-mail receiver’s connection', () => {
  it('is upgraded with STARTTLS', async () => {
    const { result, server: { mails } } = await mailTo({}, trusted)
    expect(result).toMatchObject({ ok: true })
    expect(mails).toMatchObject([{ from: 'am@example.com', to: ['team@example.com'], isEncrypted: true, parameters: { BODY: '8BITMIME' } }])
  })

  it('fails, and tries again, when STARTTLS is not offered', async () => {
    const { result, server: { mails } } = await mailTo({ hideSTARTTLS: true, disabledCommands: ['STARTTLS', 'AUTH'] }, trusted)
    expect(result).toMatchObject({ ok: false, retry: true, reason: expect.stringMatching(/'require_tls' is true \(default\) but "localhost:\d+" does not advertise the STARTTLS extension/) as unknown })
    expect(mails).toEqual([])
  })

  it('fails when the certificate is not trusted', async () => {
    const { result } = await mailTo({}, 'html: x')
    expect(result).toMatchObject({ ok: false, retry: true, reason: expect.stringContaining('certificate') as unknown })
  })

  it('never upgrades without require_tls, also when it could', async () => {
    const { result, server: { mails } } = await mailTo({}, plain)
    expect(result).toMatchObject({ ok: true })
    expect(mails[0]?.isEncrypted).toBe(false)
  })

  it('is encrypted from the start when forced', async () => {
    const { result, server: { mails } } = await mailTo({ secure: true }, `force_implicit_tls: true, ${trusted}`)
    expect(result).toMatchObject({ ok: true })
    expect(mails[0]?.isEncrypted).toBe(true)
  })

  it('is given up when nobody answers', async () => {
    server = undefined
    const email = await createReceiver(`email_configs: [{ to: 'a@b', from: 'c@d', smarthost: 'localhost:1' }]`)
    expect(await sendOnce(email, notification)).toMatchObject({ ok: false, retry: true, reason: expect.stringContaining('establish connection to server') as unknown })
  })

  it('ends with its time', async () => {
    server = await startMailServer({ onConnect: () => {} })
    const email = await createReceiver(`email_configs: [{ to: 'a@b', from: 'c@d', smarthost: 'localhost:${server.port}' }]`)
    expect(await sendOnce(email, notification, 100)).toMatchObject({ ok: false, retry: true })
  })
})

describe('authentication', () => {
  it('uses the first mechanism of the server’s list', async () => {
    const { result, server: { logins, mails } } = await mailTo({ authMethods: ['LOGIN', 'PLAIN'] }, `${login}, ${trusted}`)
    expect(result).toMatchObject({ ok: true })
    expect(logins).toEqual([{ method: 'LOGIN', username: 'user', password: 'secret' }])
    expect(mails[0]?.user).toBe('user')
  })

  it('sends PLAIN with its identity', async () => {
    const { server: { logins } } = await mailTo({ authMethods: ['PLAIN', 'LOGIN'] }, `${login}, auth_identity: other, ${trusted}`)
    expect(logins).toEqual([{ method: 'PLAIN', username: 'user', password: 'secret' }])
  })

  it('skips a mechanism it has no credential for', async () => {
    const { server: { logins } } = await mailTo({ authMethods: ['CRAM-MD5', 'PLAIN'] }, `${login}, ${trusted}`)
    expect(logins.map(({ method }) => method)).toEqual(['PLAIN'])
  })

  it('answers CRAM-MD5 with its secret', async () => {
    const { result, server: { logins } } = await mailTo({ authMethods: ['CRAM-MD5'] }, `auth_username: user, auth_secret: secret, ${trusted}`)
    expect(result).toMatchObject({ ok: true })
    expect(logins.map(({ method }) => method)).toEqual(['CRAM-MD5'])
  })

  it('fails, and tries again, when no mechanism will do or the password is wrong', async () => {
    const { result } = await mailTo({ authMethods: ['CRAM-MD5'] }, `${login}, ${trusted}`)
    expect(result).toMatchObject({ ok: false, retry: true, reason: 'find auth mechanism: missing secret for CRAM-MD5 auth mechanism' })
    await server?.close()
    const { result: wrong, server: { mails } } = await mailTo({ authMethods: ['PLAIN'] }, `auth_username: user, auth_password: wr0ng, ${trusted}`)
    expect(wrong).toMatchObject({ ok: false, retry: true, reason: expect.stringContaining('PLAIN auth: ') as unknown })
    expect(JSON.stringify(wrong)).not.toContain('wr0ng')
    expect(mails).toEqual([])
  })

  it('is skipped when the server asks for none', async () => {
    const { result, server: { mails } } = await mailTo({ disabledCommands: ['AUTH'] }, `${login}, ${trusted}`)
    expect(result).toMatchObject({ ok: true })
    expect(mails[0]?.user).toBeUndefined()
  })

  it('sends PLAIN unencrypted only to this machine', async () => {
    const { result } = await mailTo({ authMethods: ['PLAIN'], allowInsecureAuth: true }, `${login}, ${plain}`)
    expect(result).toMatchObject({ ok: true })
    await server?.close()
    const { result: elsewhere, server: { logins } } = await mailTo({ authMethods: ['PLAIN'], allowInsecureAuth: true }, `${login}, ${plain}`, { host: '127.0.0.2' })
    expect(elsewhere).toMatchObject({ ok: false, retry: true, reason: expect.stringContaining('unencrypted connection') as unknown })
    expect(logins).toEqual([])
  })
})

describe('a mail', () => {
  const compose = async (keys: string, more: { sent?: typeof notification; to?: string } = {}) => (await mailTo({ disabledCommands: ['AUTH'] }, `${plain}, ${keys}`, more)).server.mails[0]

  it('has the default subject and an HTML part', async () => {
    const mail = await compose('hello: h')
    expect(mail?.headers.get('subject')).toBe('[FIRING:1] HighCPU c1 (i1)')
    expect(mail?.headers.get('from')).toBe('am@example.com')
    expect(mail?.headers.get('to')).toBe('team@example.com')
    expect(mail?.headers.get('mime-version')).toBe('1.0')
    expect(mail?.headers.get('message-id')).toMatch(/^<1772359200123000000\.\d+@.+>$/)
    expect(mail?.headers.get('date')).toMatch(/^Sun, 01 Mar 2026 \d\d:\d\d:\d\d [+-]\d{4}$/)
    expect(mail?.headers.get('content-type')).toMatch(/^multipart\/alternative/)
    expect(mail?.body).toMatch(/Content-Type: text\/html; charset=utf-8/i)
    expect(mail?.body).not.toMatch(/text\/plain/)
    expect(mail?.body).toContain('95% &lt;used&gt;')
  })

  it('has the text first, and no HTML when that is emptied', async () => {
    const both = await compose(`text: 'täxt {{ .Status }}', html: '<b>{{ .CommonAnnotations.summary }}</b>'`)
    expect(both?.body.indexOf('text/plain')).toBeLessThan(both?.body.indexOf('text/html') ?? -1)
    expect(both?.body).toContain('t=C3=A4xt firing')
    expect(both?.body).toContain('<b>95% &lt;used&gt;</b>')
    await server?.close()
    const text = await compose(`text: only, html: ''`)
    expect(text?.body).not.toContain('text/html')
  })

  it('says the founding set-up’s body in both parts', async () => {
    const mail = await compose(`body: "a <b>\\nline {{ .Status }}"`)
    expect(mail?.body).toContain('a <b>\r\nline firing')
    // Quoted-printable breaks long lines with an `=`.
    expect(mail?.body.replaceAll('=\r\n', '')).toContain('a &lt;b&gt;<br>\r\nline firing')
  })

  it('encodes names and subjects, never addresses, and keeps headers apart', async () => {
    const mail = await compose(`headers: { From: 'Jörg <j@example.com>', to: 'Größe <g@example.com>, x@example.com', subject: "Sübject\\r\\nBcc: evil@example.com", X-Plain: 'a {{ .Status }}' }`, { to: 'g@example.com, "Doe, J" <x@example.com>, hidden@example.com' })
    expect(mail?.to).toEqual(['g@example.com', 'x@example.com', 'hidden@example.com'])
    expect(mail?.headers.get('from')).toMatch(/^=\?UTF-8\?Q\?J=C3=B6rg\?= <j@example\.com>$/i)
    expect(mail?.headers.get('to')).toMatch(/^=\?UTF-8\?Q\?[^?]+\?= <g@example\.com>, x@example\.com$/i)
    expect(mail?.headers.get('subject')).toMatch(/^=\?UTF-8\?/i)
    expect(mail?.headers.has('bcc')).toBe(false)
    expect(mail?.headers.get('x-plain')).toBe('a firing')
  })

  it('belongs to a thread when asked', async () => {
    const hash = createHash('sha256').update('{}:{alertname="HighCPU", cluster="c1"}').digest('hex')
    expect(hash.startsWith('50615820dbe09f51')).toBe(true)
    const mail = await compose('threading: { enabled: true, thread_by_date: none }')
    expect(mail?.headers.get('references')).toBe('<alert-50615820dbe09f51-@alertmanager>')
    expect(mail?.headers.get('in-reply-to')).toBe(mail?.headers.get('references'))
    await server?.close()
    const daily = await compose('threading: { enabled: true, thread_by_date: daily }', { sent: createNotification(alerts, { nowMs: notificationMs }) })
    expect(daily?.headers.get('references')).toMatch(/^<alert-50615820dbe09f51-2026-0[23]-\d\d@alertmanager>$/)
  })

  it('reaches the others when one recipient is refused, and says so', async () => {
    const onRcptTo: SMTPServerOptions['onRcptTo'] = (address, _session, done) => done(address.address.startsWith('bad') ? new Error('no such user') : null)
    const { result, server: { mails } } = await mailTo({ onRcptTo, disabledCommands: ['AUTH'] }, plain, { to: 'good@example.com, bad@example.com' })
    expect(mails).toMatchObject([{ to: ['good@example.com'] }])
    expect(result).toMatchObject({ ok: true, answer: expect.stringMatching(/; refused: .*bad@example\.com|; refused: .*no such user/) as unknown })
  })

  it('fails for good on addresses that are none and on bad templates', async () => {
    const bad = async (keys: string) => (await mailTo({ disabledCommands: ['AUTH'] }, `${plain}, ${keys}`)).result
    expect(await bad(`html: '{{ .Nope }}'`)).toMatchObject({ ok: false, retry: false })
  })
})
