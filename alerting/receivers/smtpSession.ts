// One SMTP session: connect, secure, authenticate, send one mail. email.ts loads this file with the first mail: nodemailer
// and what it needs are memory that most servers never use.

import SMTPConnection, { type SMTPConnectionCustomAuthContext } from 'nodemailer/lib/smtp-connection'
import { errorText } from '../../src/base/assert.ts'
import { connectOptions } from '../../src/base/http/httpDispatchers.ts'
import { readConfiguredFile, readSecretFile } from '../../src/base/http/httpErrors.ts'
import type { EmailConfig } from '../config/receiverConfig.ts'
import type { EmailMessage } from './emailMessage.ts'
import type { Attempt } from './receiver.ts'

type Delivered = { readonly answer: string; /** Recipients the server did not take, with its words; the others got the mail. */ readonly refused: readonly string[] }

/** Sends the mail. Rejects when the server takes it for nobody, or cannot be talked to. */
export async function deliver(config: EmailConfig, message: EmailMessage, attempt: Attempt): Promise<Delivered> {
  const session = new Session(config, attempt, await connectOptions(config.tls))
  const onAbort = () => session.close(new Error('context canceled'))
  attempt.signal.addEventListener('abort', onAbort, { once: true })
  const timer = setTimeout(() => session.close(new Error('context deadline exceeded')), attempt.timeoutMs)
  try {
    await session.connect()
    await session.authenticate()
    return await session.send(message)
  } finally {
    clearTimeout(timer)
    attempt.signal.removeEventListener('abort', onAbort)
    session.end()
  }
}

/** The names by which a mail server on this machine is known; only there may a password go unencrypted. */
const localNames = ['localhost', '127.0.0.1', '::1']

class Session {
  readonly #config: EmailConfig
  readonly #address: string
  readonly #connection: SMTPConnection
  /** Rejects when the connection fails at any time. */
  readonly #failed: Promise<never>
  #fail!: (error: Error) => void // set by the promise's constructor
  /** The lines of the server's last answer to EHLO, without their codes. */
  #ehlo: readonly string[] = []

  constructor(config: EmailConfig, attempt: Attempt, tls: Readonly<Record<string, unknown>>) {
    const { host, port } = config.smarthost
    this.#config = config
    this.#address = `${host}:${port}`
    const isImplicitTls = config.forceImplicitTls ?? port === 465
    this.#failed = new Promise((_, reject) => (this.#fail = reject))
    this.#failed.catch(() => {})
    const listen = (entry: { readonly tnx?: string }, line: unknown) => {
      if (entry.tnx === 'server' && typeof line === 'string') this.#hear(line)
    }
    const nothing = () => {}
    this.#connection = new SMTPConnection({
      host,
      port,
      name: config.hello === '' ? 'localhost' : config.hello,
      secure: isImplicitTls,
      requireTLS: config.requireTls && !isImplicitTls,
      // Without require_tls never, also when the server offers it.
      ignoreTLS: !config.requireTls,
      servername: config.tls.serverName ?? host,
      tls,
      connectionTimeout: attempt.timeoutMs,
      greetingTimeout: attempt.timeoutMs,
      socketTimeout: attempt.timeoutMs,
      dnsTimeout: attempt.timeoutMs,
      // Its transaction log is the one public way to the server's list of mechanisms in the server's order.
      transactionLog: true,
      customAuth: { PLAIN: loginPlain },
      logger: { level: nothing, trace: nothing, debug: listen, info: nothing, warn: nothing, error: nothing, fatal: nothing },
    })
    this.#connection.on('error', (error) => this.#fail(error))
    this.#connection.on('end', () => this.#fail(new Error('EOF')))
  }

  async connect(): Promise<void> {
    try {
      await Promise.race([new Promise<void>((resolve) => this.#connection.connect(() => resolve())), this.#failed])
    } catch (error) {
      if (this.#config.requireTls && this.#ehlo.length > 0 && !this.#ehlo.some((line) => /^STARTTLS\b/i.test(line)) && !this.#connection.secure) {
        throw new Error(`'require_tls' is true (default) but "${this.#address}" does not advertise the STARTTLS extension; set require_tls: false (global: smtp_require_tls) to send unencrypted`, { cause: error })
      }
      throw new Error(`establish connection to server: ${errorText(error)}`, { cause: error })
    }
  }

  /** Skipped without a user name, and when the server does not ask for any authentication. */
  async authenticate(): Promise<void> {
    const { authUsername, authIdentity } = this.#config
    const offered = this.#mechanisms()
    if (authUsername === '' || offered.length === 0) return
    const password = await secretText(this.#config.authPassword?.reveal(), this.#config.authPasswordFile, readSecretFile)
    const secret = await secretText(this.#config.authSecret?.reveal(), this.#config.authSecretFile, readConfiguredFile)
    const missing: string[] = []
    for (const mechanism of offered) {
      if (mechanism !== 'CRAM-MD5' && mechanism !== 'PLAIN' && mechanism !== 'LOGIN') continue
      const credential = mechanism === 'CRAM-MD5' ? secret : password
      if (credential === '') {
        missing.push(`missing ${mechanism === 'CRAM-MD5' ? 'secret' : 'password'} for ${mechanism} auth mechanism`)
        continue
      }
      if (mechanism === 'PLAIN' && !this.#connection.secure && !localNames.includes(this.#config.smarthost.host)) {
        throw new Error(`auth: unencrypted connection: PLAIN would send the password in clear text to ${this.#address}`)
      }
      return this.#login(mechanism, { username: authUsername, identity: authIdentity, credential })
    }
    throw new Error(`find auth mechanism: ${missing.length > 0 ? missing.join('; ') : `unknown auth mechanism: ${offered.join(' ')}`}`)
  }

  async send(message: EmailMessage): Promise<Delivered> {
    const { from, to } = message.envelope
    const sent = new Promise<Delivered>((resolve, reject) => {
      this.#connection.send({ from, to: [...to], use8BitMime: true }, message.bytes, (error, info) => {
        if (error !== null || info === undefined) reject(new Error(`send mail: ${errorText(error)}`, { cause: error }))
        else resolve({ answer: info.response, refused: (info.rejectedErrors ?? []).map(errorText) })
      })
    })
    return Promise.race([sent, this.#failed])
  }

  /** Says goodbye; the mail is as good as sent or failed already. */
  end(): void {
    this.#connection.quit()
  }

  close(reason: Error): void {
    this.#fail(reason)
    this.#connection.close()
  }

  #hear(line: string): void {
    const lines = line.split(/\r?\n/)
    // Every line of an answer to EHLO begins with 250, and its first one names the server.
    if (lines.every((one) => one.startsWith('250')) && lines.length > 1) this.#ehlo = lines.slice(1).map((one) => one.slice(4).trim())
  }

  #mechanisms(): string[] {
    const listed = this.#ehlo.flatMap((line) => /^AUTH[ =](.*)$/i.exec(line)?.[1]?.trim().split(/[\s=]+/) ?? [])
    return [...new Set(listed.map((one) => one.toUpperCase()))]
  }

  #login(mechanism: string, login: { readonly username: string; readonly identity: string; readonly credential: string }): Promise<void> {
    const { username, identity, credential } = login
    const done = new Promise<void>((resolve, reject) => {
      const end = (error: Error | null) => (error === null ? resolve() : reject(new Error(`${mechanism} auth: ${error.message}`, { cause: error })))
      this.#connection.login({ method: mechanism, credentials: { user: username, pass: credential }, identity }, end)
    })
    return Promise.race([done, this.#failed])
  }
}

/** nodemailer's own PLAIN sends no authorization identity. */
async function loginPlain({ auth, sendCommand }: SMTPConnectionCustomAuthContext): Promise<void> {
  const { user, pass } = auth.credentials
  const answer = await sendCommand(`AUTH PLAIN ${Buffer.from(`${String(auth['identity'])}\0${user}\0${pass}`).toString('base64')}`)
  if (answer.status !== 235) throw new Error(answer.response)
}

async function secretText(inline: string | undefined, file: string | undefined, read: (path: string) => Promise<string>): Promise<string> {
  return file === undefined ? (inline ?? '') : read(file)
}
