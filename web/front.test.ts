// The front before Node's HTTP server, on real sockets. What it answers must be what Node's server alone would have answered.

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createRandom, type Random } from '../test/helpers/random.ts'
import { plain, type Answer } from './answer.ts'
import { BodyReader } from './body.ts'
import { createCors } from './cors.ts'
import { DirectRoutes, type DirectRoute } from './direct.ts'
import { NodeExchange, type Exchange } from './exchange.ts'
import { openListeners, type ListenOptions } from './listeners.ts'

const closings: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(closings.splice(0).map((close) => close()))
})

const host = '127.0.0.1'

/** Answers with a digest of all that a handler can see. */
const echo: DirectRoute['answer'] = (exchange, body, parameters) => {
  const { method, url } = exchange
  const seen = [method, url, parameters, ...['host', 'x-a', 'content-type', 'origin'].map((name) => exchange.header(name)), Buffer.from(body.bytes()).toString('latin1')]
  return plain(200, createHash('sha1').update(JSON.stringify(seen)).digest('hex'))
}

function createRoutes(answers: Readonly<Record<string, DirectRoute['answer']>>): DirectRoutes {
  const routes = new DirectRoutes({
    bodies: new BodyReader(1_000_000),
    protection: undefined,
    cors: createCors('https?://[ab]', '/'),
    onRequest: () => {},
    refusalOf: () => plain(400, 'no'),
  })
  for (const [path, answer] of Object.entries(answers)) for (const method of ['GET', 'POST'] as const) routes.add(method, path, { bodyLimitBytes: 1_000, answer })
  return routes
}

type Opened = {
  readonly port: number
  /** The requests that came to Node's server. */
  readonly passedOn: string[]
  close(): Promise<void>
}

function listenerOf(routes: DirectRoutes, passedOn: string[]): RequestListener {
  return (request, response) => {
    passedOn.push(`${request.method} ${request.url}`)
    const found = routes.find(request.method ?? '', request.url ?? '')
    if (found === undefined) response.writeHead(404, { 'content-length': 4 }).end('none')
    else routes.answer(found, new NodeExchange(request, response))
  }
}

/** A server with the front before it. */
async function open(answers: Readonly<Record<string, DirectRoute['answer']>>, options: Partial<ListenOptions> = {}): Promise<Opened> {
  const passedOn: string[] = []
  const direct = createRoutes(answers)
  const listeners = await openListeners({ addresses: [{ host, port: 0 }], readTimeoutMs: 300_000, maxConnections: 100, ...options }, { direct, answer: listenerOf(direct, passedOn) })
  closings.push(() => listeners.close())
  return { port: listeners.addresses[0]?.port ?? 0, passedOn, close: () => listeners.close() }
}

/** Node's server alone. */
async function openAlone(answers: Readonly<Record<string, DirectRoute['answer']>>): Promise<number> {
  const server = createServer({ requestTimeout: 300_000, keepAliveTimeout: 300_000 }, listenerOf(createRoutes(answers), []))
  await once(server.listen(0, host), 'listening')
  closings.push(async () => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port // it listens on a port
}

class Client {
  readonly socket: Socket
  readonly closed: Promise<unknown>
  #pieces: string[] = []
  #tail = ''

  constructor(port: number) {
    this.socket = connect({ host, port, noDelay: true, allowHalfOpen: true })
    this.socket.on('data', (bytes) => {
      const piece = bytes.toString('latin1')
      this.#pieces.push(piece)
      this.#tail = (this.#tail + piece).slice(-100)
    })
    this.socket.on('end', () => this.socket.end())
    this.socket.on('error', () => {})
    this.closed = new Promise((done) => this.socket.once('close', done))
  }

  send(text: string): void {
    this.socket.write(text, 'latin1')
  }

  /** What has arrived since, without the times, when there are `count` answers and the last hundred characters match `end`. */
  async receive(count: number, end = /$/): Promise<string> {
    const isClosed = this.closed.then(() => Promise.reject(new Error(`closed after ${this.#tail}`)))
    while (!end.test(this.#tail) || answersIn(this.#pieces.join('')) < count) await Promise.race([once(this.socket, 'data'), isClosed])
    isClosed.catch(() => {})
    return this.#take()
  }

  /** Everything until the server ends the connection. */
  async rest(): Promise<string> {
    await this.closed
    return this.#take()
  }

  #take(): string {
    const text = this.#pieces.join('')
    this.#pieces = []
    this.#tail = ''
    return text.replaceAll(/^Date: .*$/gm, 'Date:')
  }
}

function answersIn(text: string): number {
  return text.split('HTTP/1.1 ').length - 1
}

async function connected(port: number): Promise<Client> {
  const client = new Client(port)
  await once(client.socket, 'connect')
  return client
}

/** When it returns, the server has read what was sent to it before. */
async function roundTrip(port: number): Promise<void> {
  const client = new Client(port)
  client.send('GET /echo HTTP/1.1\r\nHost: a\r\n\r\n')
  await client.receive(1)
  client.socket.destroy()
  await client.closed
}

const get = (path: string, lines = '') => `GET ${path} HTTP/1.1\r\nHost: a\r\n${lines}\r\n`
const post = (path: string, body: string, lines = '') => `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n${lines}\r\n${body}`

/** A route that answers when it is told to. */
function createSlow() {
  const exchanges: Exchange[] = []
  const releases: ((answer: Answer) => void)[] = []
  const arrivals: (() => void)[] = []
  const answer: DirectRoute['answer'] = (exchange) => {
    exchanges.push(exchange)
    arrivals.shift()?.()
    return new Promise<Answer>((done) => releases.push(done))
  }
  return { answer, exchanges, release: (text: string) => releases.shift()?.(plain(200, text)), arrival: () => new Promise<void>((done) => arrivals.push(done)) }
}

describe('a simple request', () => {
  const isAnswered = (name: string, text: string) =>
    it(`is answered before Node's server, with the same bytes: ${name}`, async () => {
      const server = await open({ '/echo': echo, '/label/:name/values': echo })
      const [own, alone] = [await connected(server.port), await connected(await openAlone({ '/echo': echo, '/label/:name/values': echo }))]
      for (const client of [own, alone]) client.send(text)
      expect(await own.receive(1, /\w{40}$/)).toBe(await alone.receive(1, /\w{40}$/))
      expect(server.passedOn).toEqual([])
    })
  isAnswered('GET', get('/echo?query=up{a="b"}&time=1'))
  isAnswered('with a parameter in its path', get('/label/job/values'))
  isAnswered('of a browser', get('/echo', 'User-Agent: Mozilla/5.0 (X11)\r\nAccept: */*\r\nAccept-Language: de\r\nSec-Fetch-Mode: cors\r\nOrigin: http://a\r\nReferer: http://a/\r\nCookie: a=b; c=d\r\nConnection: keep-alive\r\n'))
  isAnswered('POST', post('/echo', 'query=up', 'Content-Type: application/x-www-form-urlencoded\r\n'))
  isAnswered('POST without a body', 'POST /echo HTTP/1.1\r\nHost: a\r\n\r\n')
  isAnswered('from an origin that is not allowed', get('/echo', 'Origin: http://c\r\n'))

  it('may be followed by others on the connection', async () => {
    const server = await open({ '/echo': echo })
    const client = await connected(server.port)
    const texts = [get('/echo?1'), get('/echo?1'), get('/echo?2', 'X-A: 1\r\n'), get('/echo?2', 'X-A: 2\r\n'), post('/echo', 'abc'), post('/echo', 'abcd')]
    const digests = new Set<string>()
    for (const text of texts) {
      client.send(text)
      digests.add((await client.receive(1, /\w{40}$/)).slice(-40))
    }
    expect([digests.size, server.passedOn]).toEqual([5, []])
  })

  it('gets answers without a body, with a status of its own and as text that is not ASCII', async () => {
    const answers = { '/none': () => ({ status: 204, headers: { 'x-a': 'b' }, body: '' }), '/gone': () => plain(499, 'gone'), '/text': () => plain(200, 'grüß') }
    const server = await open(answers)
    const [own, alone] = [await connected(server.port), await connected(await openAlone(answers))]
    for (const path of Object.keys(answers)) {
      for (const client of [own, alone]) client.send(get(path))
      expect(await own.receive(1, /\r\n\r\n/)).toBe(await alone.receive(1, /\r\n\r\n/))
    }
    expect(server.passedOn).toEqual([])
  })
})

describe('what is not one simple request', () => {
  const passesOn = (name: string, text: string) =>
    it(`goes to Node's server: ${name}`, async () => {
      const server = await open({ '/echo': echo })
      const [own, alone] = [await connected(server.port), await connected(await openAlone({ '/echo': echo }))]
      for (const client of [own, alone]) client.send(get('/echo'))
      expect(await own.receive(1, /\w{40}$/)).toBe(await alone.receive(1, /\w{40}$/))
      for (const client of [own, alone]) client.socket.end(text, 'latin1')
      expect(await own.rest()).toBe(await alone.rest())
      expect(server.passedOn.length).toBeGreaterThan(0)
      await roundTrip(server.port)
    })
  passesOn('HEAD', 'HEAD /echo HTTP/1.1\r\nHost: a\r\n\r\n')
  passesOn('HTTP/1.0', 'GET /echo HTTP/1.0\r\nHost: a\r\n\r\n')
  passesOn('another path', get('/other'))
  passesOn('the end of the connection', get('/echo', 'Connection: close\r\n'))
  passesOn('a body in pieces', 'POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n')
  passesOn('a body announced', post('/echo', 'abc', 'Expect: 100-continue\r\n'))
  passesOn('a header that is not known', get('/echo', 'Upgrade-Me: 1\r\n'))
  passesOn('a header twice', get('/echo', 'X-A: 1\r\nX-A: 2\r\n'))
  passesOn('two requests at once', get('/echo?1') + get('/echo?2'))
  passesOn('a large head', get('/echo', `X-A: ${'a'.repeat(9_000)}\r\n`))

  it('is judged there when it is wrong', async () => {
    const server = await open({ '/echo': echo })
    for (const text of ['\x16\x03\x01\x02\x00', 'GET /echo HTTP/1.1\r\n\r\n', get('/echo', 'Content-Length: 1\r\nTransfer-Encoding: chunked\r\n'), 'GET /echo HTTP/1.1\nHost : a\r\n\r\n']) {
      const client = await connected(server.port)
      client.send(text)
      expect(await client.rest()).toContain('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n')
    }
  })

  it('may be one that has arrived only in part, wherever it is cut', async () => {
    const server = await open({ '/echo': echo })
    for (const text of [get('/echo?a', 'X-A: 1\r\n'), post('/echo', 'abc')]) {
      const whole = await connected(server.port)
      whole.send(text)
      const expected = await whole.receive(1, /\w{40}$/)
      for (let at = 1; at < text.length; at++) {
        const client = await connected(server.port)
        client.send(text.slice(0, at))
        await roundTrip(server.port)
        client.send(text.slice(at))
        expect(await client.receive(1, /\w{40}$/), `cut at ${at}`).toBe(expected)
        client.socket.destroy()
      }
      expect(server.passedOn).toHaveLength(text.length - 1)
      server.passedOn.length = 0
    }
  })

  it('is answered as by Node alone, whatever it is', async () => {
    const random = createRandom()
    const server = await open({ '/echo': echo, '/label/:name/values': echo })
    const alone = await openAlone({ '/echo': echo, '/label/:name/values': echo })
    for (let round = 0; round < 400; round++) {
      const text = randomBytes(random)
      const [own, other] = await Promise.all(
        [server.port, alone].map((port) => {
          const client = new Client(port)
          client.socket.end(text, 'latin1')
          return client.rest()
        }),
      ).then((answers) => answers.map(withoutLast400))
      expect(own, `SEED=${random.seed} ${JSON.stringify(text)}`).toBe(other)
    }
    // Not all of them are odd.
    expect(server.passedOn.length).toBeLessThan(350)
  })
})

/** What is wrong right behind a request that has been answered Node answers with 400 or only with the end, depending on how it got the bytes. */
function withoutLast400(text: string): string {
  return text.replace(/(?<=.)HTTP\/1.1 400 Bad Request\r\nConnection: close\r\n\r\n$/s, '')
}

/** Mostly one request, mostly a valid one. */
function randomBytes(random: Random): string {
  const often = <T>(usual: T, others: readonly T[]) => (random.below(5) > 0 ? usual : random.pick(others))
  const method = often(random.pick(['GET', 'POST']), ['HEAD', 'PUT', 'get', 'G', 'OPTIONS', 'PRI', ''])
  const url = often(random.pick(['/echo', '/echo?a=b%20c+d', '/label/job/values', '/echo?{"}[]|^`<>\\']), ['/echo#a', '/label/a%20b/values', '/label//values', '/', '*', 'http://a/echo', '/e cho', '/ech\xf6', '/echo?\t', '//echo', '/none'])
  const version = often('HTTP/1.1', ['HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'http/1.1', 'HTTP/1.1 ', ''])
  const body = random.pick(['', '', 'abc'])
  const lines = [often('Host: a', ['host:a', 'HOST:  b ', 'Host:', 'Host : a', 'Host: a\r\nHost: a', 'X-A: no host'])]
  if (method === 'POST') lines.push(often(`Content-Length: ${body.length}`, ['Content-Length: 2', 'Content-Length: +3', 'Content-Length: 3, 3', 'content-length: 03', 'Content-Length: 99', 'Content-Length:', 'Transfer-Encoding: chunked', 'Content-Length: 0x3']))
  for (let n = random.below(4); n > 0; n--) {
    lines.push(
      often(random.pick(['Accept: */*', 'X-A: b', 'Origin: http://a', 'Connection: keep-alive', 'Content-Type: text/plain', 'Cookie: a=b', 'Sec-Fetch-Mode: cors', 'accept-encoding: gzip']), [
        'Connection: close',
        'Connection: Keep-Alive, X',
        'connection:KEEP-ALIVE',
        'Connection: Upgrade\r\nUpgrade: h2c',
        'Expect: 100-continue',
        'Expect: x',
        'X-A: \xe4',
        'X-A:',
        'X-A: a\tb',
        'X-A: a\0b',
        'X-A: a\r\n b',
        'X A: b',
        'nothing',
        ': a',
        'Origin: http://a\r\nOrigin: http://b',
        'Proxy-Connection: close',
        'Keep-Alive: 5',
        'Content-Length: 0',
        'TE: trailers',
        'Via: x',
      ]),
    )
  }
  const head = `${method} ${url} ${version}\r\n${lines.join('\r\n')}\r\n\r\n`
  let text = often(head + body, [head + body + head + body, `\r\n${head}${body}`, head.replaceAll('\r\n', '\n') + body, (head + body).slice(0, random.below(head.length))])
  if (random.below(8) === 0) {
    const at = random.below(text.length)
    text = text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1)
  }
  return text
}

describe('an answer that is waited for', () => {
  it('is not waited for any more when the client is gone', async () => {
    const slow = createSlow()
    const server = await open({ '/slow': slow.answer })
    for (const leave of [(socket: Socket) => socket.destroy(), (socket: Socket) => socket.resetAndDestroy(), (socket: Socket) => socket.end()]) {
      const client = await connected(server.port)
      const arrival = slow.arrival()
      client.send(get('/slow'))
      await arrival
      const exchange = slow.exchanges.pop()
      const over = new Promise<boolean>((done) => exchange?.onOver(done))
      leave(client.socket)
      expect([await over, exchange?.isOver]).toEqual([false, true])
      slow.release('late')
    }
    expect(server.passedOn).toEqual([])
  })

  it('comes before those of requests that were sent meanwhile', async () => {
    const slow = createSlow()
    const server = await open({ '/slow': slow.answer, '/echo': echo })
    const client = await connected(server.port)
    const arrival = slow.arrival()
    client.send(get('/slow'))
    await arrival
    client.send(get('/echo'))
    await roundTrip(server.port)
    client.send(get('/echo'))
    slow.release('first')
    const text = await client.receive(3, /\w{40}$/)
    expect(text.indexOf('first')).toBeLessThan(text.indexOf('HTTP/1.1 200', 1))
  })
})

describe('answers that the client is slow to take', () => {
  /** Bodies of a size and a digit, such as `/bytes?50001`: so many of its last digit. */
  const answers: Readonly<Record<string, DirectRoute['answer']>> = {
    '/bytes': ({ url }) => ({ status: 200, headers: {}, body: Buffer.alloc(Number(url.split('?')[1]), url.at(-1)), isSpentWhenSent: true }),
    '/end': () => plain(200, 'the end'),
    '/echo': echo,
  }
  /** The sizes and digits of bodies that are as they should be. */
  const summary = (text: string) =>
    text
      .split(/HTTP\/1.1 200 OK\r\n(?:.+\r\n)+\r\n/)
      .slice(1, -1)
      .map((body) => (body === body.charAt(0).repeat(body.length) ? `${body.length}: ${body[0]}` : `${body.length}: ${[...new Set(body)].join('')}`))

  it('arrive whole, small and large ones, while others are written', async () => {
    const server = await open(answers)
    // 16 MB are more than the system keeps for a connection, so that what follows waits behind it.
    const sizes = [16_000_000, 50_001, 60_002, 300_003, 50_004]
    const clients = await Promise.all([connected(server.port), connected(server.port)])
    for (const { socket } of clients) socket.pause()
    for (const path of [...sizes.map((size) => `/bytes?${size}`), '/end']) {
      for (const client of clients) client.send(get(path))
      await roundTrip(server.port)
    }
    for (const client of clients) {
      client.socket.resume()
      expect(summary(await client.receive(1, /the end$/))).toEqual(sizes.map((size) => `${size}: ${size % 10}`))
    }
    expect(server.passedOn).toEqual([])
  })

  it('do not hold the buffer in which those of others are', async () => {
    const server = await open(answers)
    const client = await connected(server.port)
    client.socket.pause()
    // As many as fill what the system keeps for a connection, so that one of them stays in part in the buffer.
    const sizes = Array.from({ length: 200 }, (_, i) => 50_000 + (i % 7))
    for (const path of [...sizes.map((size) => `/bytes?${size}`), '/end']) {
      client.send(get(path))
      await (await fetch(`http://${host}:${server.port}/bytes?60009`)).text()
    }
    client.socket.resume()
    expect(summary(await client.receive(1, /the end$/))).toEqual(sizes.map((size) => `${size}: ${size % 10}`))
    expect(server.passedOn).toEqual([])
  })
})

describe('connections', () => {
  it('end when nothing comes: with 408 when nothing ever came', async () => {
    const server = await open({ '/echo': echo }, { readTimeoutMs: 100 })
    const [silent, asked] = [await connected(server.port), await connected(server.port)]
    asked.send(get('/echo'))
    await asked.receive(1, /\w{40}$/)
    expect(await silent.rest()).toBe('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n')
    expect(await asked.rest()).toBe('')
  })

  it('end with the server: those without an answer under way at once, others after it', async () => {
    const slow = createSlow()
    const server = await open({ '/slow': slow.answer, '/echo': echo })
    const [fresh, idle, busy] = [await connected(server.port), await connected(server.port), await connected(server.port)]
    idle.send(get('/echo'))
    await idle.receive(1, /\w{40}$/)
    const arrival = slow.arrival()
    busy.send(get('/slow'))
    await arrival
    const closed = server.close()
    await Promise.all([fresh.closed, idle.closed])
    slow.release('last')
    expect(await busy.rest()).toMatch(/^HTTP\/1.1 200 OK\r\n.*last$/s)
    await closed
  })

  it('end with the server when their answer does not come', async () => {
    const slow = createSlow()
    const server = await open({ '/slow': slow.answer })
    const busy = await connected(server.port)
    const arrival = slow.arrival()
    busy.send(get('/slow'))
    await arrival
    await server.close()
    expect(await busy.rest()).toBe('')
  })
})
