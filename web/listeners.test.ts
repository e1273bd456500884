// Connections beyond the limit, over plain HTTP, by way of the front or not, and over TLS: they wait.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { openListeners, type Listeners, type ListenOptions } from './listeners.ts'
import { DirectRoutes } from './direct.ts'

const host = '127.0.0.1'
const tls = { cert: readFileSync('test/data/tls/localhost.crt'), key: readFileSync('test/data/tls/localhost.key') }

let listeners: Listeners | undefined
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await listeners?.close()
  listeners = undefined
})

/** A server that answers every request with its path, of `/direct` by the front; and the paths in the order in which they came. */
async function open(options: Partial<ListenOptions>): Promise<string[]> {
  const asked: string[] = []
  const direct = new DirectRoutes({
    bodies: { read: () => Promise.reject(new Error('no request has a body')) } as never, // not asked for
    protection: undefined,
    cors: () => ({}),
    onRequest: ({ url }) => void asked.push(url),
    refusalOf: () => ({ status: 500, headers: {}, body: '' }),
  })
  direct.add('GET', '/direct', { bodyLimitBytes: 0, answer: () => ({ status: 200, headers: {}, body: 'direct' }) })
  listeners = await openListeners({ addresses: [{ host, port: 0 }], readTimeoutMs: 60_000, maxConnections: 2, ...options }, {
    direct,
    answer: (request, response) => {
      asked.push(request.url ?? '')
      response.end(request.url)
    },
  })
  return asked
}

/** A connection that has asked for `path` and stays open. */
async function ask(path: string, overTls = false): Promise<{ readonly socket: Socket; readonly answer: Promise<string> }> {
  const port = listeners?.addresses[0]?.port ?? 0
  const socket = connect({ host, port })
  sockets.push(socket)
  await once(socket, 'connect')
  const stream = overTls ? connectTls({ socket, rejectUnauthorized: false }) : socket
  stream.on('error', () => {})
  const answer = new Promise<string>((done, fail) => {
    stream.once('data', (bytes) => done(String(bytes)))
    stream.once('close', () => fail(new Error('closed without an answer')))
  })
  answer.catch(() => {})
  stream.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
  return { socket, answer }
}

describe('connections beyond the limit', () => {
  const cases: readonly (readonly [string, string, Partial<ListenOptions>])[] = [
    ['the front', '/direct?', {}],
    ["Node's server", '/other?', {}],
    ['TLS', '/other?', { tls }],
  ]
  for (const [name, path, options] of cases) {
    it(`wait, and are served in the order in which they came: ${name}`, async () => {
      const asked = await open(options)
      const overTls = options.tls !== undefined
      const served = [await ask(`${path}1`, overTls), await ask(`${path}2`, overTls)]
      for (const { answer } of served) expect(await answer).toContain('200 OK')
      const waiting = [await ask(`${path}3`, overTls), await ask(`${path}4`, overTls), await ask(`${path}5`, overTls)]
      waiting[1]?.socket.resetAndDestroy()
      served[0]?.socket.destroy()
      expect(await waiting[0]?.answer).toContain('200 OK')
      expect(asked).toEqual([`${path}1`, `${path}2`, `${path}3`])
      served[1]?.socket.destroy()
      expect(await waiting[2]?.answer).toContain('200 OK')
      expect(asked).toEqual([`${path}1`, `${path}2`, `${path}3`, `${path}5`])
    })
  }

  it('end with the server', async () => {
    const asked = await open({ maxConnections: 1 })
    await (await ask('/direct?1')).answer
    const { answer } = await ask('/direct?2')
    await listeners?.close()
    await expect(answer).rejects.toThrow('closed without an answer')
    expect(asked).toEqual(['/direct?1'])
  })
})
