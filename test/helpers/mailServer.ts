// A real SMTP server on loopback that keeps what it is sent, and what its clients said on the way.

import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

export type Mail = { readonly from: string; readonly parameters: unknown; readonly to: readonly string[]; readonly isEncrypted: boolean; readonly user: string | undefined; readonly raw: string; readonly headers: ReadonlyMap<string, string>; readonly body: string }
export type Login = { readonly method: string; readonly username: string; readonly password: string }
export type MailServer = { readonly port: number; readonly mails: Mail[]; readonly logins: Login[]; close(): Promise<void> }

/** Takes the password `secret` from anybody; `options` as smtp-server's. */
export async function startMailServer(options: SMTPServerOptions = {}, host = 'localhost'): Promise<MailServer> {
  const mails: Mail[] = []
  const logins: Login[] = []
  const server = new SMTPServer({
    key: readFileSync('test/data/tls/localhost.key'),
    cert: readFileSync('test/data/tls/localhost.crt'),
    authOptional: true,
    onAuth: (auth, _session, done) => {
      const isRight = auth.method === 'CRAM-MD5' ? auth.validatePassword('secret') : auth.password === 'secret'
      logins.push({ method: auth.method, username: auth.username ?? '', password: auth.password ?? '' })
      if (isRight) done(null, { user: auth.username ?? '' })
      else done(new Error('Invalid username or password'))
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const raw = Buffer.concat(chunks).toString()
        const [head = '', ...body] = raw.split('\r\n\r\n')
        const headers = new Map(head.replace(/\r\n[ \t]+/g, ' ').split('\r\n').map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]))
        const { mailFrom, rcptTo } = session.envelope
        mails.push({
          from: mailFrom === false ? '' : mailFrom.address, parameters: mailFrom === false ? {} : mailFrom.args, to: rcptTo.map((recipient) => recipient.address),
          isEncrypted: session.secure, user: typeof session.user === 'string' ? session.user : undefined, raw, headers, body: body.join('\r\n\r\n'),
        })
        done()
      })
    },
    ...options,
  })
  // A client that does not like the certificate goes away; that is its right.
  server.on('error', () => {})
  await new Promise<void>((resolve) => void server.listen(0, host, resolve))
  const { port } = server.server.address() as AddressInfo // it listens on TCP
  return { port, mails, logins, close: () => new Promise((resolve) => void server.close(() => resolve())) }
}
