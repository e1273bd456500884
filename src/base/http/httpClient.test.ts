import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect, type AddressInfo } from 'node:net'
import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { HttpClient } from './httpClient.ts'
import { defaultHttpClientConfig, type HttpClientConfig } from '../config/httpClientConfig.ts'
import { proxyFor } from './httpDispatchers.ts'
import { Secret } from '../secret.ts'

const dir = mkdtempSync(join(tmpdir(), 'http-'))
const open: { close(): unknown }[] = []

async function serve(listener: RequestListener, server: Server = createServer(listener), where: number | string = 0): Promise<string> {
  await new Promise<void>((resolve) => (typeof where === 'string' ? server.listen(where, resolve) : server.listen(where, '127.0.0.1', resolve)))
  open.push({ close: () => (server.closeAllConnections(), server.close()) })
  return typeof where === 'string' ? where : `127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on a port
}

function client(over: Partial<HttpClientConfig> = {}): HttpClient {
  const made = new HttpClient({ ...defaultHttpClientConfig, ...over }, { userAgent: 'test/1' })
  open.push(made)
  return made
}
const text = (body: Uint8Array) => Buffer.from(body).toString('utf8')

/** Answers with the request's headers as JSON. */
const echo: RequestListener = (request, response) => response.end(JSON.stringify({ ...request.headers, url: request.url, method: request.method }))
const ask = async (made: HttpClient, url: string) => JSON.parse(text((await made.request({ url, timeoutMs: 2000 })).body)) as Record<string, string>

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

describe('authentication', () => {
  it('sends basic auth, bearer tokens and headers, files read anew each time', async () => {
    const host = await serve(echo)
    const file = join(dir, 'token')
    writeFileSync(file, ' one\n')
    const made = client({
      authorization: { type: 'Bearer', credentialsFile: file },
      httpHeaders: [{ name: 'X-Scope', values: ['a'], secrets: [new Secret('b')], files: [file] }],
    })
    expect(await ask(made, `http://${host}/`)).toMatchObject({ authorization: 'Bearer one', 'x-scope': 'a, b, one', 'user-agent': 'test/1', 'accept-encoding': 'gzip' })
    writeFileSync(file, 'two')
    expect((await ask(made, `http://${host}/`))['authorization']).toBe('Bearer two')
    const basic = client({ basicAuth: { username: 'u', password: new Secret('pässword') } })
    expect((await ask(basic, `http://${host}/`))['authorization']).toBe(`Basic ${Buffer.from('u:pässword').toString('base64')}`)
  })

  it('names a secret file that is missing', async () => {
    const made = client({ authorization: { type: 'Bearer', credentialsFile: join(dir, 'missing') } })
    await expect(made.request({ url: 'http://127.0.0.1:1/', timeoutMs: 1000 })).rejects.toThrow(`unable to read file ${join(dir, 'missing')}`)
  })

  it('asks for an OAuth2 token once and uses it until it expires', async () => {
    let asked = 0
    let form = ''
    const host = await serve((request, response) => {
      if (request.url !== '/token') return echo(request, response)
      asked++
      request.on('data', (chunk: Buffer) => (form += chunk.toString()))
      request.on('end', () => response.end(JSON.stringify({ access_token: `t${asked}`, expires_in: asked === 1 ? 5 : 3600 })))
    })
    const { tls, proxy } = defaultHttpClientConfig
    const made = client({
      oauth2: {
        clientId: 'id', clientSecret: new Secret('s'), scopes: ['a', 'b'], tokenUrl: `http://${host}/token`, endpointParams: { x: 'y' }, grantType: 'client_credentials',
        clientCertificateKeyId: '', signatureAlgorithm: 'RS256', iss: '', audience: '', claims: {}, tls, proxy,
      },
    })
    // The first token expires within the margin, so it is asked for again; the second is kept.
    const tokens = [await ask(made, `http://${host}/`), await ask(made, `http://${host}/`), await ask(made, `http://${host}/`)].map((one) => one['authorization'])
    expect(tokens).toEqual(['Bearer t1', 'Bearer t2', 'Bearer t2'])
    expect(form).toContain('grant_type=client_credentials')
    expect(form).toContain('scope=a+b')
  })
})

describe('redirects', () => {
  it('are followed, without credentials to another host', async () => {
    const other = await serve(echo)
    const host = await serve((request, response) => {
      if (request.url === '/a') response.writeHead(302, { location: '/b' }).end()
      else if (request.url === '/c') response.writeHead(307, { location: `http://${other}/d` }).end()
      else echo(request, response)
    })
    const made = client({ authorization: { type: 'Bearer', credentials: new Secret('s') } })
    expect(await ask(made, `http://${host}/a`)).toMatchObject({ url: '/b', authorization: 'Bearer s' })
    const elsewhere = await ask(made, `http://${host}/c`)
    expect(elsewhere['url']).toBe('/d')
    expect(elsewhere['authorization']).toBeUndefined()
  })
  it('are answers when they are not to be followed, and end after ten', async () => {
    const host = await serve((_, response) => response.writeHead(302, { location: '/' }).end())
    expect((await client({ followRedirects: false }).request({ url: `http://${host}/`, timeoutMs: 1000 })).statusLine).toBe('302 Found')
    await expect(client().request({ url: `http://${host}/`, timeoutMs: 1000 })).rejects.toThrow('stopped after 10 redirects')
  })
})

describe('bodies', () => {
  it('are sent and received, large and compressed', async () => {
    const host = await serve((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => response.writeHead(200, { 'content-encoding': 'gzip', 'x-a': 'b' }).end(gzipSync(Buffer.concat(chunks))))
    })
    const body = 'x1y'.repeat(1_000_000)
    const answer = await client().request({ method: 'POST', url: `http://${host}/`, body, timeoutMs: 5000 })
    expect(text(answer.body) === body).toBe(true)
    expect([answer.status, answer.statusLine, answer.headers['x-a']]).toEqual([200, '200 OK', 'b'])
  })
  it('have a limit', async () => {
    const host = await serve((_, response) => response.end('x'.repeat(100)))
    await expect(client().request({ url: `http://${host}/`, timeoutMs: 1000, maxBodyBytes: 100 })).rejects.toMatchObject({ reason: 'bodyTooLarge', message: 'body size limit exceeded' })
    expect((await client().request({ url: `http://${host}/`, timeoutMs: 1000, maxBodyBytes: 101 })).body).toHaveLength(100)
  })
})

describe('connections', () => {
  it('are kept, and made anew when the server has closed them', async () => {
    const ports = new Set<number | undefined>()
    let sockets: IncomingMessage['socket'][] = []
    const host = await serve((request, response) => {
      ports.add(request.socket.remotePort)
      sockets.push(request.socket)
      response.end()
    })
    const made = client()
    for (let i = 0; i < 3; i++) {
      await made.request({ url: `http://${host}/`, timeoutMs: 1000 })
      await new Promise(setImmediate)
    }
    expect(ports.size).toBe(1)
    for (const socket of sockets) socket.destroy()
    sockets = []
    expect((await made.request({ url: `http://${host}/`, timeoutMs: 1000 })).status).toBe(200)
  })

  it('go over a unix socket', async () => {
    const path = await serve(echo, undefined, join(dir, 'sock'))
    const answer = await client().request({ url: 'http://localhost/x', unixSocket: path, timeoutMs: 1000 })
    expect(JSON.parse(text(answer.body))).toMatchObject({ url: '/x', host: 'localhost' })
  })

  it('go through a proxy', async () => {
    const host = await serve(echo)
    const seen: (string | undefined)[] = []
    const proxyServer = createServer((request, response) => {
      seen.push(request.url)
      echo(request, response)
    })
    proxyServer.on('connect', (request, socket) => {
      seen.push(`CONNECT ${request.url}`)
      const upstream = connect(Number(host.split(':')[1]), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        upstream.pipe(socket).pipe(upstream)
      })
    })
    const proxy = await serve(echo, proxyServer)
    await ask(client({ proxy: { proxyUrl: new Secret(`http://${proxy}`), noProxy: '', proxyFromEnvironment: false, proxyConnectHeader: {} } }), `http://${host}/x`)
    expect(seen).toHaveLength(1)
    expect(seen[0]).toContain(host)
  })

  it('end at the deadline and when the caller gives up', async () => {
    const host = await serve(() => {})
    await expect(client().request({ url: `http://${host}/p`, timeoutMs: 30 })).rejects.toMatchObject({ reason: 'timeout', message: `Get "http://${host}/p": context deadline exceeded` })
    const stop = new AbortController()
    const asked = client().request({ url: `http://u:secret@${host}/`, timeoutMs: 5000 }, stop.signal)
    setImmediate(() => stop.abort())
    await expect(asked).rejects.toMatchObject({ reason: 'canceled', message: `Get "http://u:xxxxx@${host}/": context canceled` })
  })

  it('fail in the words of Go', async () => {
    await expect(client().request({ url: 'http://127.0.0.1:1/', timeoutMs: 1000 })).rejects.toThrow('Get "http://127.0.0.1:1/": dial tcp 127.0.0.1:1: connect: connection refused')
    await expect(client().request({ url: 'http://no-such-host.invalid/', timeoutMs: 3000 })).rejects.toThrow(/lookup no-such-host\.invalid: (no such host|Temporary failure)/)
    await expect(client().request({ method: 'POST', url: 'http://localhost/', unixSocket: join(dir, 'none'), timeoutMs: 1000 })).rejects.toThrow(`Post "http://localhost/": dial unix ${join(dir, 'none')}: connect: no such file or directory`)
  })
})

describe('TLS', () => {
  const pem = (name: string) => join(dir, name)
  const certificate = (name: string, ...altNames: string[]) =>
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${name}`, '-keyout', pem(`${name}.key`), '-out', pem(`${name}.crt`),
      ...(altNames.length > 0 ? ['-addext', `subjectAltName=${altNames.join(',')}`] : [])], { stdio: 'ignore' })
  beforeAll(() => {
    certificate('server', 'IP:127.0.0.1', 'DNS:good.test')
    certificate('client')
    certificate('other', 'DNS:other.test')
  })
  const tlsServer = (name: string, clientCa?: string) =>
    serve(echo, createTlsServer({ key: readFileSync(pem(`${name}.key`)), cert: readFileSync(pem(`${name}.crt`)), ...(clientCa !== undefined && { ca: readFileSync(pem(clientCa)), requestCert: true, rejectUnauthorized: true }) }, echo) as unknown as Server) // https.Server has the methods used
  const tls = (over: Partial<HttpClientConfig['tls']>) => client({ tls: { insecureSkipVerify: false, ...over } })

  it('verifies against the given CA, or nothing when told so', async () => {
    const host = await tlsServer('server')
    expect(await ask(tls({ caFile: pem('server.crt') }), `https://${host}/`)).toMatchObject({ url: '/' })
    expect(await ask(tls({ ca: readFileSync(pem('server.crt'), 'utf8') }), `https://${host}/`)).toMatchObject({ url: '/' })
    expect(await ask(tls({ insecureSkipVerify: true }), `https://${host}/`)).toMatchObject({ url: '/' })
    await expect(ask(tls({}), `https://${host}/`)).rejects.toThrow('tls: failed to verify certificate: x509: certificate signed by unknown authority')
  })

  it('checks the name of the certificate, which server_name can set', async () => {
    const host = await tlsServer('other')
    await expect(ask(tls({ caFile: pem('other.crt') }), `https://${host}/`)).rejects.toThrow('x509: certificate is valid for other.test, not 127.0.0.1')
    expect(await ask(tls({ caFile: pem('other.crt'), serverName: 'other.test' }), `https://${host}/`)).toMatchObject({ url: '/' })
  })

  it('shows a client certificate', async () => {
    const host = await tlsServer('server', 'client.crt')
    expect(await ask(tls({ caFile: pem('server.crt'), certFile: pem('client.crt'), keyFile: pem('client.key') }), `https://${host}/`)).toMatchObject({ url: '/' })
    await expect(ask(tls({ caFile: pem('server.crt') }), `https://${host}/`)).rejects.toThrow()
  })

  it('reads TLS files again when they change', async () => {
    const host = await tlsServer('server')
    const ca = pem('changing.crt')
    writeFileSync(ca, readFileSync(pem('client.crt')))
    const made = tls({ caFile: ca })
    await expect(ask(made, `https://${host}/`)).rejects.toThrow('unknown authority')
    writeFileSync(ca, `${readFileSync(pem('server.crt'), 'utf8')}\n`)
    expect(await ask(made, `https://${host}/`)).toMatchObject({ url: '/' })
  })

  it('names a TLS file that is missing', async () => {
    await expect(ask(tls({ caFile: pem('none.crt') }), 'https://127.0.0.1:1/')).rejects.toThrow(pem('none.crt'))
  })
})

describe('proxyFor', () => {
  const none = { noProxy: '', proxyFromEnvironment: false, proxyConnectHeader: {} }
  const environment = { HTTP_PROXY: 'proxy:3128', https_proxy: 'http://secure:3128', NO_PROXY: 'internal,.example.com,10.0.0.0/8,host:81' }
  const goes = (url: string, proxy: string | undefined) =>
    it(`sends ${url} ${proxy === undefined ? 'directly' : `through ${proxy}`}`, () => expect(proxyFor(new URL(url), { ...none, proxyFromEnvironment: true }, environment)).toBe(proxy))
  goes('http://a.org/', 'http://proxy:3128')
  goes('https://a.org/', 'http://secure:3128')
  goes('http://internal/', undefined)
  goes('http://sub.internal/', undefined)
  goes('http://sub.example.com/', undefined)
  goes('http://example.com/', 'http://proxy:3128')
  goes('http://10.1.2.3/', undefined)
  goes('http://11.1.2.3/', 'http://proxy:3128')
  goes('http://host:81/', undefined)
  goes('http://host:82/', 'http://proxy:3128')
  goes('http://localhost/', undefined)
  it('asks the environment only when told to', () => expect(proxyFor(new URL('http://a.org/'), none, environment)).toBeUndefined())
})

afterAll(() => expect(open).toEqual([]))
