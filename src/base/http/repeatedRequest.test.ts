import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { createRandom } from '../../../test/helpers/random.ts'
import { defaultHttpClientConfig } from '../config/httpClientConfig.ts'
import { HttpClient } from './httpClient.ts'
import type { HttpRequest } from './httpMessage.ts'
import type { RepeatedRequest } from './repeatedRequest.ts'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on a port
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createHttpServer(listener)
  open.push({ close: () => (server.closeAllConnections(), server.close()) })
  return listen(server)
}

/** A server that sees each request as the socket it came on. */
async function serveRaw(answer: (socket: Socket, path: string) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (bytes) => answer(socket, /^GET (\S+)/.exec(bytes.toString())?.[1] ?? ''))
  })
  open.push({ close: () => (sockets.forEach((socket) => socket.destroy()), server.close()) })
  return listen(server)
}

function repeated(request: Omit<HttpRequest, 'timeoutMs'> & { timeoutMs?: number }): RepeatedRequest {
  // In shared memory, as that of the kernels.
  const client = new HttpClient(defaultHttpClientConfig, { userAgent: 'test/1', readBuffer: Buffer.from(new SharedArrayBuffer(100_000)) })
  open.push(client)
  return client.repeated({ timeoutMs: 5000, ...request })
}

/** What came of one request; the body is looked at only as long as it may be. */
const send = (request: RepeatedRequest): Promise<string> =>
  new Promise((resolve) => {
    request.send({
      answered: ({ statusLine, headers, body }) => resolve(`${statusLine} ${headers['x-n'] ?? ''} ${Buffer.from(body).toString('latin1')}`),
      failed: ({ message }) => resolve(message),
    })
  })

describe('a repeated request', () => {
  it('goes over one connection, which is made anew when the server has closed it', async () => {
    const ports = new Set<number | undefined>()
    let sockets: Socket[] = []
    const url = await serve((request, response) => {
      ports.add(request.socket.remotePort)
      sockets.push(request.socket)
      response.end(String(ports.size))
    })
    const request = repeated({ url })
    expect([await send(request), await send(request), await send(request)]).toEqual(['200 OK  1', '200 OK  1', '200 OK  1'])
    for (const socket of sockets) socket.destroy()
    sockets = []
    expect(await send(request)).toBe('200 OK  2')
  })

  it('fails when the connection breaks off within a body that goes up to its end', async () => {
    const url = await serveRaw((socket, path) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\na 1\n', () => (path === '/whole' ? socket.end() : setTimeout(() => socket.resetAndDestroy(), 50)))
    })
    expect(await send(repeated({ url: `${url}/whole` }))).toBe('200 OK  a 1\n')
    expect(await send(repeated({ url: `${url}/broken` }))).toContain('connection reset by peer')
  })

  it('is sent with all headers', async () => {
    const url = await serve(({ headers, url: path }, response) => response.end(JSON.stringify({ ...headers, host: '', path })))
    const text = await send(repeated({ url: `${url.replace('//', '//u:p@')}/x?y=1`, headers: { accept: 'text/plain' } }))
    expect(JSON.parse(text.slice(text.indexOf('{')))).toEqual({ host: '', path: '/x?y=1', accept: 'text/plain', 'accept-encoding': 'gzip', 'user-agent': 'test/1', authorization: `Basic ${btoa('u:p')}` })
  })

  it('follows redirects, at once after the first time', async () => {
    const paths: string[] = []
    const url = await serve(({ url: path = '' }, response) => {
      paths.push(path)
      if (path === '/a') response.writeHead(302, { location: '/b' }).end()
      else response.end('there')
    })
    const request = repeated({ url: `${url}/a` })
    expect([await send(request), await send(request)]).toEqual(['200 OK  there', '200 OK  there'])
    expect(paths).toEqual(['/a', '/a', '/b', '/a', '/b'])
  })

  it('has one deadline for all it is redirected to', async () => {
    const url = await serve(({ url: path = '' }, response) => void (path === '/a' ? setTimeout(() => response.writeHead(302, { location: '/b' }).end(), 400) : response.end('there')))
    // The redirect is asked for twice, the first time: that alone takes longer.
    expect(await send(repeated({ url: `${url}/a`, timeoutMs: 600 }))).toBe(`Get "${url}/a": context deadline exceeded`)
  })

  it('unpacks small and large bodies, within the limit', async () => {
    let body = ''
    const url = await serve((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(body, { level: 1 })))
    const request = repeated({ url, maxBodyBytes: 3_000_000 })
    const { below } = createRandom()
    for (const length of [1, 100, 80_000, 2_999_999]) {
      body = Array.from({ length: Math.ceil(length / 8) }, () => String(below(1e8)).padStart(8)).join('').slice(0, length)
      expect((await send(request)) === `200 OK  ${body}`).toBe(true)
    }
    body += 'x'
    expect(await send(request)).toBe('body size limit exceeded')
  })

  it('ends at the deadline, when given up, and when refused', async () => {
    const url = await serve(() => {})
    expect(await send(repeated({ url: `${url}/p`, timeoutMs: 30 }))).toBe(`Get "${url}/p": context deadline exceeded`)
    const given = await new Promise((resolve) => {
      const request = repeated({ url })
      request.send({ answered: resolve, failed: ({ reason }) => resolve(reason) })
      request.giveUp()
      request.giveUp()
    })
    expect(given).toBe('canceled')
    expect(await send(repeated({ url: 'http://127.0.0.1:1/' }))).toBe('Get "http://127.0.0.1:1/": dial tcp 127.0.0.1:1: connect: connection refused')
    expect(await send(repeated({ url: `${url}/`, headers: { 'x-a': 'a\nb' } }))).toContain('invalid header field value for "x-a"')
    expect(await send(repeated({ url: `${url}/`, headers: { 'x: y\r\nx-a': 'b' } }))).toContain('invalid header field name "x: y\\r\\nx-a"')
  })

  it('leaves the body of one answer alone while another one is being read', async () => {
    const url = await serve(({ url: path = '' }, response) => response.end(path.repeat(100_000)))
    const client = new HttpClient(defaultHttpClientConfig, { userAgent: 'test/1' })
    open.push(client)
    const texts = await Promise.all(Array.from({ length: 20 }, (_, i) => send(client.repeated({ url: `${url}/${i % 10}`, timeoutMs: 5000 }))))
    texts.forEach((text, i) => expect(text === `200 OK  ${`/${i % 10}`.repeat(100_000)}`).toBe(true))
  })
})

type Scenario = { readonly bytes: string; readonly ends: boolean; readonly outcome: RegExp | string }

describe('answers of all kinds', () => {
  /** Bytes of an answer and what a client must make of them. `n` is in the answer, so that none is taken for another. */
  function scenario(n: number, { below, pick }: ReturnType<typeof createRandom>): Scenario {
    const body = Array.from({ length: below(3) === 0 ? below(40_000) : below(30) }, () => 'ab\r\n'.charAt(below(4))).join('')
    const status = pick(['200 OK', '404 Not Found', '503 Service Unavailable'])
    const eol = pick(['\r\n', '\r\n', '\n'])
    const head = (...lines: string[]) => [`HTTP/1.1 ${status}`, `X-N: ${n}`, ...(below(2) > 0 ? ['Date: Mon, 02 Jan 2006 15:04:0' + below(10)] : []), ...lines, '', ''].join(eol)
    const whole = `${status} ${n} ${body}`
    const chunks = () => {
      let text = ''
      for (let at = 0; at < body.length; ) {
        const piece = body.slice(at, at + 1 + below(5000))
        text += `${piece.length.toString(16)}${pick(['', ';x=y'])}\r\n${piece}\r\n`
        at += piece.length
      }
      return `${text}0\r\n${pick(['', 'Trailer: 1\r\n'])}\r\n`
    }
    switch (below(8)) {
      case 0: return { bytes: head('Transfer-Encoding: chunked') + chunks(), ends: false, outcome: whole }
      case 1: return { bytes: head('Connection: close', `content-length: ${body.length}`) + body, ends: true, outcome: whole }
      case 2: return { bytes: head() + body, ends: true, outcome: whole }
      case 3: return { bytes: head(`Content-Length: ${body.length + 1}`) + body, ends: true, outcome: /: EOF$/ }
      case 4: return { bytes: head('Transfer-Encoding: chunked') + chunks().slice(0, -3), ends: true, outcome: /: EOF$/ }
      case 5: return { bytes: `HTTP/1.1 100 Continue\r\n\r\n${head(`Content-Length: ${body.length}`)}${body}`, ends: false, outcome: whole }
      case 6: return { bytes: pick(['SSH-2.0\r\n\r\n', head('no colon'), head('Content-Length: x'), `${head('Transfer-Encoding: chunked')}zz\r\n`]), ends: false, outcome: /malformed|bad Content-Length|invalid byte/ }
      default: return { bytes: head(`Content-Length: ${body.length}`) + body, ends: below(4) === 0, outcome: whole }
    }
  }

  it('in pieces of any size are read as they are, over connections that are kept or not', async () => {
    const random = createRandom()
    const { seed, below } = random
    const scenarios: Scenario[] = []
    const url = await serveRaw((socket, path) => {
      const { bytes, ends } = scenarios[Number(path.slice(1).split('-')[1])] as Scenario
      const pieces: string[] = []
      for (let at = 0; at < bytes.length; ) {
        const length = below(3) === 0 ? 1 + below(20) : 1 + below(bytes.length)
        pieces.push(bytes.slice(at, at + length))
        at += length
        if (pieces.length > 50) pieces.push(bytes.slice(at)), (at = bytes.length)
      }
      const next = () => {
        const piece = pieces.shift()
        if (piece !== undefined) socket.write(piece, 'latin1', () => setImmediate(next))
        else if (ends) socket.end()
      }
      next()
    })
    const client = new HttpClient(defaultHttpClientConfig, { userAgent: 'test/1' })
    open.push(client)
    // The same few requests again and again, so that heads are known and connections are met in every state.
    for (let round = 0; round < Number(process.env['HTTP_ROUNDS'] ?? 100); round++) {
      const wanted = Array.from({ length: 1 + below(3) }, () => scenarios.push(scenario(below(10) === 0 ? round : 7, random)) - 1)
      const found = await Promise.all(wanted.map((index) => send(client.repeated({ url: `${url}/s-${index}`, timeoutMs: 5000 }))))
      wanted.forEach((index, i) => {
        const { outcome } = scenarios[index] as Scenario
        if (typeof outcome === 'string') expect(found[i] === outcome, `seed ${seed}, answer ${index}: ${JSON.stringify(found[i]?.slice(0, 100))}`).toBe(true)
        else expect(found[i], `seed ${seed}, answer ${index}`).toMatch(outcome)
      })
    }
  }, 60_000)
})
