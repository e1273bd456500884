// What is the same for every route, asked of a server that has no parts yet: readiness, methods, CORS, compression,
// prefixes, pages. The routes' own answers are tested on a whole app in src/app.test.ts.

import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request as startRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib'
import bcrypt from 'bcryptjs'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../src/base/log.ts'
import { MetricRegistry } from '../src/base/selfMetrics.ts'
import { globalUrl } from './api/targets.ts'
import { unescapeName } from './api/labels.ts'
import { Notifications } from './notifications.ts'
import { createServer } from './server.ts'
import type { ServerDeps, ServerOptions, WebServer } from './server.ts'

const build = { version: '3.14.0+test', revision: 'r', branch: 'b', buildUser: 'u', buildDate: 'd', goVersion: 'node' }

const servers: WebServer[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

async function start(options: Partial<ServerOptions> = {}, deps: Partial<ServerDeps> = {}): Promise<WebServer> {
  const server = await createServer(
    {
      listenAddresses: [{ host: '127.0.0.1', port: 0 }],
      readTimeoutMs: 60_000,
      maxConnections: 16,
      routePrefix: '',
      externalUrl: 'http://mon.example.org:9090',
      corsOrigin: '.*',
      enableLifecycle: false,
      enableAdminApi: false,
      enableOtlpReceiver: false,
      userAssets: '',
      consoleTemplates: 'consoles',
      consoleLibraries: 'console_libraries',
      pageTitle: 'solowatch',
      maxNotificationsSubscribers: 2,
      remoteRead: { sampleLimit: 0, concurrentLimit: 0, maxFrameBytes: 1024 },
      build,
      flags: { 'log.level': 'info' },
      features: [],
      searchMaxLimit: 100,
      ...options,
    },
    {
      logger: silentLogger,
      registry: new MetricRegistry(),
      notifications: new Notifications(),
      reload: async () => {},
      quit: () => {},
      replay: () => ({ min: 0, max: 7, current: 3 }),
      ...deps,
    },
  )
  servers.push(server)
  return server
}

describe('before the server is ready', () => {
  it('answers health, replay, metrics and version, and 503 to everything else', async () => {
    const server = await start()
    const get = (url: string) => server.inject({ method: 'GET', url })
    expect((await get('/-/healthy')).body).toBe('Prometheus Server is Healthy.\n')
    expect((await get('/api/v1/status/walreplay')).json()).toEqual({ status: 'success', data: { min: 0, max: 7, current: 3 } })
    expect((await get('/metrics')).headers['content-type']).toContain('text/plain; version=0.0.4')
    expect((await get('/version')).json()).toEqual(build)
    for (const url of ['/-/ready', '/api/v1/query?query=1', '/federate', '/api/v1/status/config']) {
      const answer = await get(url)
      expect([url, answer.statusCode, answer.body, answer.headers['x-prometheus-stopping']]).toEqual([url, 503, 'Service Unavailable', 'false'])
    }
  })

  it('says that it is stopping once it is', async () => {
    const server = await start()
    await server.drain(10)
    const answer = await server.inject({ method: 'GET', url: '/-/ready' })
    expect([answer.statusCode, answer.headers['x-prometheus-stopping']]).toEqual([503, 'true'])
  })
})

describe('methods and paths', () => {
  const answers = (method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD' | 'PROPFIND', url: string, status: number, body?: string) =>
    it(`answers ${method} ${url} with ${status}`, async () => {
      const server = await start()
      const answer = await server.inject({ method: method as 'GET', url }) // its type knows fewer methods than it sends
      expect(answer.statusCode).toBe(status)
      if (body !== undefined) expect(answer.body).toBe(body)
    })
  answers('HEAD', '/-/healthy', 200)
  answers('DELETE', '/api/v1/series', 405)
  answers('POST', '/api/v1/label/job/values', 405)
  answers('GET', '/-/reload', 405, 'Only POST or PUT requests allowed')
  answers('POST', '/-/reload', 403, 'Lifecycle API is not enabled.')
  answers('PUT', '/-/quit', 403)
  answers('PROPFIND', '/api/v1/label/job/values', 405)
  answers('PROPFIND', '/api/v1/unknown', 404)
  answers('GET', '/api/v1/unknown', 404, '404 page not found\n')
  answers('GET', '/alertmanager/api/v2/status', 404)
  answers('GET', '/api/v1/write', 405)
  answers('GET', '/%zz', 400, '400 Bad Request')
  answers('GET', '/%ff', 404, '404 page not found\n')
  answers('GET', '/api/v1/label/a%ff/values?match[]=up', 400, '{"status":"error","errorType":"bad_data","error":"invalid label name: \\"a\\\\xff\\""}')
})

describe('profiles of the main thread', () => {
  it('come as files that DevTools read, one at a time', async () => {
    const server = await start()
    const [cpu, second] = await Promise.all([server.inject('/debug/pprof/profile?seconds=0.2'), server.inject('/debug/pprof/heap?seconds=0.1')])
    expect([cpu.statusCode, second.statusCode, second.body]).toEqual([200, 500, 'Could not enable profiling: a profile is being taken already\n'])
    expect(cpu.json()).toMatchObject({ nodes: expect.any(Array), samples: expect.any(Array), timeDeltas: expect.any(Array) })
    const heap = await server.inject('/debug/pprof/heap?seconds=0.1')
    expect(heap.headers['content-disposition']).toBe('attachment; filename="solowatch-heap.heapprofile"')
    expect(heap.json()).toMatchObject({ head: { callFrame: expect.anything() }, samples: expect.any(Array) })
  })

  it('are those of Node, which the paths of others say', async () => {
    const server = await start()
    const other = await server.inject('/debug/pprof/goroutine?debug=1')
    expect([other.statusCode, other.body]).toEqual([404, expect.stringContaining('/debug/pprof/profile?seconds=30')])
    expect((await server.inject('/debug/pprof/profile?seconds=1000')).statusCode).toBe(400)
  })
})

describe('lifecycle', () => {
  it('reloads, and says what is wrong when that fails', async () => {
    let failure: Error | undefined
    const reload = async () => {
      if (failure !== undefined) throw failure
    }
    const server = await start({ enableLifecycle: true }, { reload })
    expect((await server.inject({ method: 'POST', url: '/-/reload' })).statusCode).toBe(200)
    failure = new Error('prometheus.yml:1:1: no')
    const answer = await server.inject({ method: 'PUT', url: '/-/reload' })
    expect([answer.statusCode, answer.body]).toEqual([500, 'failed to reload config: prometheus.yml:1:1: no\n'])
  })

  it('quits after it has said goodbye', async () => {
    let asked = () => {}
    const quit = new Promise<void>((done) => (asked = done))
    const server = await start({ enableLifecycle: true }, { quit: () => asked() })
    expect((await server.inject({ method: 'POST', url: '/-/quit' })).body).toBe('Requesting termination... Goodbye!')
    await quit
  })
})

describe('CORS', () => {
  it('allows every origin by default', async () => {
    const server = await start()
    const answer = await server.inject({ method: 'OPTIONS', url: '/api/v1/query', headers: { origin: 'http://a' } })
    expect(answer.statusCode).toBe(204)
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET, POST, OPTIONS',
      'access-control-allow-headers': 'Accept, Authorization, Content-Type, Origin',
      'access-control-expose-headers': 'Date',
      vary: 'Origin',
    })
  })

  it('echoes an origin that matches and ignores one that does not', async () => {
    const server = await start({ corsOrigin: 'https?://(a|b)' })
    const originOf = async (origin: string) => (await server.inject({ method: 'GET', url: '/api/v1/notifications', headers: { origin } })).headers['access-control-allow-origin']
    expect(await originOf('https://b')).toBe('https://b')
    expect(await originOf('https://b.evil')).toBe(undefined)
  })
})

describe('compression', () => {
  it('takes the first encoding it knows', async () => {
    const server = await start({ flags: Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`flag.${i}`, 'value'])) })
    server.serve({} as Parameters<WebServer['serve']>[0]) // the flags need no part
    const get = (encoding: string) => server.inject({ method: 'GET', url: '/api/v1/status/flags', headers: { 'accept-encoding': encoding } })
    const plain = (await get('identity')).body
    const gzip = await get('br, gzip;q=1.0, deflate')
    expect(gzip.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Origin, Accept-Encoding' })
    expect(gunzipSync(gzip.rawPayload).toString()).toBe(plain)
    expect(inflateSync((await get('deflate')).rawPayload).toString()).toBe(plain)
    expect(zstdDecompressSync((await get('zstd, gzip')).rawPayload).toString()).toBe(plain)
    expect((await get('gzip;q=0')).headers['content-encoding']).toBe(undefined)
  })
})

describe('what would hold up the main thread', () => {
  it('is not looked at', async () => {
    const server = await start({ flags: Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`flag.${i}`, 'value'])) })
    server.serve({} as Parameters<WebServer['serve']>[0]) // nothing gets as far as a part
    const get = (url: string, headers = {}) => server.inject({ method: 'GET', url, headers })
    expect((await get('/api/v1/status/flags', { 'accept-encoding': `gzip${','.repeat(20_000)}` })).headers['content-encoding']).toBe(undefined)
    expect((await get(`${'/'.repeat(20_000)}targets`)).statusCode).toBe(404)
    expect((await get(`/api/v1/label/${'%ff'.repeat(20_000)}/values`)).statusCode).toBe(404)
    expect(await get(`/consoles/${'a/'.repeat(20_000)}`)).toMatchObject({ statusCode: 404, body: 'file name too long\n' })
  })

  it.each([
    ['a form of too many parts', 'x', 2_000],
    ['a media type that is longer than sensible', `x${'; a=b'.repeat(2_000)}`, 1],
  ])('is refused: %s', async (_, boundary, parts) => {
    const server = await start()
    server.serve({ query: {} } as Parameters<WebServer['serve']>[0]) // nothing gets as far as a part
    const body = `${'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n'.repeat(parts)}--x--\r\n`
    const answer = await server.inject({ method: 'POST', url: '/api/v1/labels', headers: { 'content-type': `multipart/form-data; boundary=${boundary}` }, body })
    expect(answer).toMatchObject({ statusCode: 400, body: expect.stringContaining('message too large') as string })
  })

  it.each([
    ['query_exemplars', 'query'],
    ['rules', 'match[]'],
    ['targets/metadata', 'match_target'],
    ['admin/tsdb/delete_series', 'match[]'],
  ])('is refused: a long selector of %s', async (path, name) => {
    const server = await start({ enableAdminApi: true })
    server.serve({} as Parameters<WebServer['serve']>[0]) // nothing gets as far as a part
    const method = path.startsWith('admin') ? 'POST' : 'GET'
    const selector = `{a=~"${'(a)'.repeat(10_000)}"}`
    const answer = await server.inject({ method, url: `/api/v1/${path}?${new URLSearchParams({ [name]: selector })}` })
    expect(answer).toMatchObject({ statusCode: 400, body: expect.stringContaining('selectors of 30007 characters are too long, there may be 20000') as string })
  })
})

describe('a route prefix', () => {
  it('lies before every path', async () => {
    const server = await start({ routePrefix: '/prom', externalUrl: 'http://mon.example.org/prom' })
    const get = (url: string) => server.inject({ method: 'GET', url })
    expect((await get('/prom/-/healthy')).statusCode).toBe(200)
    expect((await get('/-/healthy')).statusCode).toBe(404)
    expect((await get('/')).headers.location).toBe('/prom/')
    expect((await get('/prom/')).headers.location).toBe('/prom/query')
    expect((await get('/prom/graph?g0.expr=up')).headers.location).toBe('/prom/query?g0.expr=up')
    expect((await get('/prom//-/healthy')).headers.location).toBe('/prom/-/healthy')
  })

  it('is not what browsers see behind a proxy that takes it away or exchanges it', async () => {
    for (const routePrefix of ['', '/inner']) {
      const server = await start({ routePrefix, externalUrl: 'http://mon.example.org/outer' })
      for (const [path, location] of [['/', '/outer/query'], ['/graph?g0.expr=up', '/outer/query?g0.expr=up']]) {
        expect((await server.inject({ method: 'GET', url: `${routePrefix}${path}` })).headers.location).toBe(location)
      }
    }
  })
})

describe('another spelling of a path', () => {
  const leads = (method: 'GET' | 'POST', url: string, status: number, location: string | undefined) =>
    it(`${method} ${url} leads to ${location ?? 'nothing'}`, async () => {
      const answer = await (await start()).inject({ method, url })
      expect([answer.statusCode, answer.headers.location]).toEqual([status, location])
    })
  leads('GET', '//api/v1/query?query=up', 301, '/api/v1/query?query=up')
  leads('POST', '/api//v1/query', 308, '/api/v1/query')
  leads('GET', '/api/v1/./labels/', 301, '/api/v1/labels')
  leads('GET', '/x/../api/v1/label/job/values/?start=1', 301, '/api/v1/label/job/values?start=1')
  leads('GET', '/-/ready/', 301, '/-/ready')
  leads('GET', '/targets/', 301, '/targets')
  leads('GET', '//', 301, '/')
  leads('GET', '//mon.example.org/targets', 404, undefined)
  leads('GET', '/api/v1/nothing/', 404, undefined)
})

describe('pages', () => {
  const uiDir = mkdtempSync(join(tmpdir(), 'ui-'))
  mkdirSync(join(uiDir, 'assets'))
  writeFileSync(join(uiDir, 'index.html'), '<title>x</title>')
  writeFileSync(join(uiDir, 'assets/app-1234.js'), `let a = 1${' '.repeat(1000)}`)
  writeFileSync(join(uiDir, 'favicon.svg'), '<svg/>')
  writeFileSync(join(uiDir, 'manifest.json'), '{}')
  writeFileSync(join(uiDir, 'secret'), 's')
  afterAll(() => rmSync(uiDir, { recursive: true }))

  it('are one document at the paths it knows', async () => {
    const server = await start({ uiDir, pageTitle: 'a < b' })
    for (const url of ['/query', '/alerts?x=1', '/targets']) {
      const answer = await server.inject({ method: 'GET', url })
      expect([answer.statusCode, answer.headers['content-type'], answer.body]).toEqual([200, 'text/html; charset=utf-8', '<title>a &lt; b</title>'])
    }
    expect((await server.inject({ method: 'GET', url: '/other' })).statusCode).toBe(404)
  })

  it('have an icon and a manifest', async () => {
    const server = await start({ uiDir })
    for (const [url, contentType] of [['/favicon.svg', 'image/svg+xml'], ['/favicon.ico', 'image/svg+xml'], ['/manifest.json', 'application/manifest+json']]) {
      const answer = await server.inject({ method: 'GET', url })
      expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, contentType])
    }
  })

  it('have assets that may be cached for good, compressed when asked', async () => {
    const server = await start({ uiDir })
    const answer = await server.inject({ method: 'GET', url: '/assets/app-1234.js', headers: { 'accept-encoding': 'gzip' } })
    expect(answer.headers).toMatchObject({ 'cache-control': 'public, max-age=31536000, immutable', 'content-encoding': 'gzip' })
    expect(gunzipSync(answer.rawPayload).toString()).toMatch(/^let a = 1 +$/)
    for (const url of ['/assets/../secret', '/assets/%2e%2e/secret', '/assets/none.js']) expect((await server.inject({ method: 'GET', url })).statusCode).toBe(404)
  })

  it('say what to do when they are not built', async () => {
    const server = await start({ uiDir: join(uiDir, 'none') })
    expect((await server.inject({ method: 'GET', url: '/query' })).body).toContain('npm run build:ui')
  })
})

describe('listening', () => {
  it('answers on every address', async () => {
    const server = await start({ listenAddresses: [{ host: '127.0.0.1', port: 0 }, { host: '127.0.0.1', port: 0 }] })
    expect(server.addresses).toHaveLength(2)
    for (const { host, port } of server.addresses) expect((await fetch(`http://${host}:${port}/-/healthy`)).status).toBe(200)
  })

  it('names the address that is taken', async () => {
    const first = await start()
    const port = first.addresses[0]?.port ?? 0
    await expect(start({ listenAddresses: [{ host: '127.0.0.1', port }] })).rejects.toThrow(`cannot listen on 127.0.0.1:${port}`)
  })
})

describe('clients that go or send too much', () => {
  const addressOf = ({ addresses: [address] }: WebServer) => ({ host: address?.host ?? '', port: address?.port ?? 0, agent: false })

  it('are not waited for when they have gone while their password was looked at', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'web-'))
    const webConfigFile = join(dir, 'web.yml')
    writeFileSync(webConfigFile, `basic_auth_users: { ann: ${bcrypt.hashSync('secret', 10)} }\n`)
    const server = await start({ webConfigFile })
    rmSync(dir, { recursive: true })
    const ask = (path: string) => startRequest({ ...addressOf(server), path, auth: 'ann:secret' })
    for (const path of ['/api/v1/query?query=1', '/api/v1/status/flags']) {
      const gone = ask(path)
      gone.on('error', () => {})
      await new Promise((done) => gone.on('close', done).end(() => gone.destroy()))
    }
    const [answer] = (await once(ask('/-/healthy').end(), 'response')) as [IncomingMessage]
    expect([answer.statusCode, await textOf(answer)]).toEqual([200, 'Prometheus Server is Healthy.\n'])
    const startedMs = performance.now()
    await server.drain(20_000)
    expect(performance.now() - startedMs).toBeLessThan(10_000)
  })

  it('lose their connection when their body is too large', async () => {
    const server = await start()
    for (const path of ['/api/v1/query', '/api/v1/format_query']) {
      const request = startRequest({ ...addressOf(server), path, method: 'POST', headers: { connection: 'keep-alive', 'content-type': 'x/y', 'content-length': 11 * 1024 * 1024 } })
      request.on('error', () => {})
      request.write('x')
      const [answer] = (await once(request, 'response')) as [IncomingMessage]
      expect([path, answer.statusCode, answer.headers.connection]).toEqual([path, 413, 'close'])
      request.destroy()
    }
  })
})

describe('notifications', () => {
  it('are listed, and streamed as they change', async () => {
    const notifications = new Notifications()
    notifications.add('one')
    const server = await start({}, { notifications })
    expect((await server.inject({ method: 'GET', url: '/api/v1/notifications' })).json()).toMatchObject({ data: [{ text: 'one', active: true }] })
    const { host, port } = server.addresses[0] ?? { host: '', port: 0 }
    const gone = new AbortController()
    const response = await fetch(`http://${host}:${port}/api/v1/notifications/live`, { signal: gone.signal })
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    const readUntil = async (part: string) => {
      while (!text.includes(part)) text += (await reader?.read())?.value ?? ''
    }
    await readUntil('"one"')
    notifications.remove('one')
    await readUntil('"active":false')
    expect(text).toMatch(/^data: \{"text":"one","date":"[^"]+","active":true\}\n\ndata: /)
    gone.abort()
    await expect.poll(() => notifications.subscriberCount).toBe(0)
  })
})

describe('globalUrl', () => {
  const own = { externalUrl: 'https://mon.example.org/prom', ports: () => [9090] }
  const shows = (scrapeUrl: string, expected: string) => it(`shows ${scrapeUrl} as ${expected}`, () => expect(globalUrl(scrapeUrl, own)).toBe(expected))
  shows('http://localhost:9090/metrics', 'https://mon.example.org/metrics')
  shows('http://127.0.0.1:9100/metrics', 'http://mon.example.org:9100/metrics')
  shows('http://node:9100/metrics', 'http://node:9100/metrics')
})

describe('unescapeName', () => {
  const reads = (name: string, expected: string) => it(`reads ${name}`, () => expect(unescapeName(name)).toBe(expected))
  reads('job', 'job')
  reads('U__http_2e_status', 'http.status')
  reads('U__a__b', 'a_b')
  reads('U__a_zz_b', 'U__a_zz_b')
  reads('U__a_d800_b', 'U__a_d800_b')
})
