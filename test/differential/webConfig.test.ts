// --web.config.file on a running solowatch and on Debian's Prometheus, with the same file: TLS, basic authentication and
// headers. What 2.42 does not have (changes counting at once are in both) is asked of solowatch alone.

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import bcrypt from 'bcryptjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort, startServer, type RunningServer } from '../helpers/servers.ts'

const dir = mkdtempSync(join(tmpdir(), 'solowatch-web-config-'))
const file = join(dir, 'web.yml')
const tls = resolve('test/data/tls/localhost')
const ca = readFileSync(`${tls}.crt`)
let own: RunningServer
let peer: RunningServer

const webConfig = (users: Record<string, string>, rest = '') => `tls_server_config: { cert_file: '${tls}.crt', key_file: '${tls}.key'${rest} }
http_server_config: { headers: { X-Frame-Options: deny, Strict-Transport-Security: max-age=9, Content-Security-Policy: "default-src\\n'self' ü\\n" } }
basic_auth_users: ${JSON.stringify(users)}
`
const hash = (password: string) => bcrypt.hashSync(password, 4)

beforeAll(async () => {
  for (const name of ['own', 'peer']) mkdirSync(join(dir, name))
  writeFileSync(join(dir, 'prometheus.yml'), 'global: {}\n')
  writeFileSync(file, webConfig({ ann: hash('secret:word'), bob: hash('ü') }))
  const start = async (name: string, command: string, args: readonly string[]) => {
    const port = await freePort()
    const all = [...args, `--config.file=${join(dir, 'prometheus.yml')}`, `--storage.tsdb.path=${join(dir, name)}`, `--web.listen-address=127.0.0.1:${port}`, `--web.config.file=${file}`]
    // It cannot be asked without the password; that it refuses is how it shows that it is there.
    const server = await startServer({ name, command, args: all, port, isReady: async () => (await ask(port, '/-/ready', 'ann:secret:word')).status === 200 })
    return server
  }
  own = await start('own', process.execPath, [resolve('src/main.ts')])
  peer = await start('peer', '/usr/bin/prometheus', [])
}, 60_000)

afterAll(async () => {
  await own?.stop()
  await peer?.stop()
  rmSync(dir, { recursive: true, force: true })
})

type Answered = { readonly status: number | undefined; readonly headers: Record<string, unknown>; readonly body: string }
type Client = { readonly cert?: Buffer; readonly key?: Buffer; readonly maxVersion?: 'TLSv1.2' }

function ask(port: number, path: string, credentials?: string, client: Client = {}): Promise<Answered> {
  return new Promise((done, failed) => {
    const headers = credentials === undefined ? {} : { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }
    const sent = request({ host: '127.0.0.1', port, path, headers, ca, agent: false, ...client }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => (body += text))
      const { headers: found } = response
      const kept = Object.fromEntries(['www-authenticate', 'x-frame-options', 'strict-transport-security', 'content-security-policy', 'content-type'].map((name) => [name, found[name]]))
      response.on('end', () => done({ status: response.statusCode, headers: kept, body }))
    })
    sent.on('error', failed)
    sent.end()
  })
}

describe('with TLS and users', () => {
  const same = (path: string, credentials?: string) =>
    it(`answers as Prometheus does: ${path} by ${credentials ?? 'nobody'}`, async () => {
      expect(await ask(own.port, path, credentials)).toEqual(await ask(peer.port, path, credentials))
    })
  same('/api/v1/query?query=1&time=1')
  same('/api/v1/query?query=1&time=1', 'ann:secret:word')
  same('/api/v1/query?query=1&time=1', 'bob:ü')
  same('/api/v1/query?query=1&time=1', 'ann:secret')
  same('/api/v1/query?query=1&time=1', 'bob:secret:word')
  same('/api/v1/query?query=1&time=1', 'eve:')
  same('/-/healthy')
  same('/metrics', 'ann:')
  same('/nothing')
  same('/nothing', 'ann:secret:word')

  it('speaks nothing but TLS', async () => {
    await expect(fetch(`http://127.0.0.1:${own.port}/-/healthy`)).rejects.toThrow()
  })

  it('takes a change of the file without a restart, and answers nothing while it is wrong', async () => {
    const status = async (credentials: string) => (await ask(own.port, '/-/healthy', credentials)).status
    writeFileSync(file, webConfig({ ann: hash('other') }))
    await expect.poll(() => status('ann:other'), { timeout: 10_000 }).toBe(200)
    expect(await status('ann:secret:word')).toBe(401)
    writeFileSync(file, 'basic_auth_users: { ann: plain }\n')
    await expect.poll(() => status('ann:other'), { timeout: 10_000 }).toBe(500)
    writeFileSync(file, webConfig({ ann: hash('third') }, ', client_auth_type: RequireAnyClientCert'))
    await expect.poll(() => ask(own.port, '/-/healthy', 'ann:third', { cert: ca, key: readFileSync(`${tls}.key`) }).then(({ status: code }) => code), { timeout: 10_000 }).toBe(200)
    await expect(ask(own.port, '/-/healthy', 'ann:third')).rejects.toThrow()
  })
})

describe('a wrong file', () => {
  const refuses = (what: string, content: string, message: string) =>
    it(`is refused at start: ${what}`, () => {
      const wrong = join(dir, 'wrong.yml')
      writeFileSync(wrong, content)
      const args = [resolve('src/main.ts'), `--config.file=${join(dir, 'prometheus.yml')}`, `--storage.tsdb.path=${join(dir, 'unused')}`, '--web.listen-address=127.0.0.1:0', `--web.config.file=${wrong}`]
      let output = ''
      let code: unknown
      try {
        execFileSync(process.execPath, args, { encoding: 'utf8', stdio: 'pipe', timeout: 20_000 })
      } catch (error) {
        const failed = error as { status: number; stderr: string; stdout: string } // as execFileSync throws it
        code = failed.status
        output = failed.stderr + failed.stdout
      }
      expect(code).toBe(1)
      expect(output).toContain(message)
    })
  refuses('a password in clear', 'basic_auth_users: { ann: secret }', 'expected a bcrypt hash')
  refuses('an unknown key', 'basic_auth_user: {}', 'basic_auth_user: unknown key')
  refuses('a missing certificate', `tls_server_config: { cert_file: nowhere.crt, key_file: '${tls}.key' }`, 'nowhere.crt')
})
