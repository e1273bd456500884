import { once } from 'node:events'
import { createServer, request as startRequest, type ClientRequest, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BodyReader } from './body.ts'

let server: Server
let arrived: () => void = () => {}

beforeAll(async () => {
  const bodies = new BodyReader(1000)
  server = createServer((request, response) => {
    request.on('data', () => arrived())
    const answer = (status: number, text: string) => {
      response.statusCode = status
      response.end(text, () => request.destroy())
    }
    bodies.read(request, 900).then(
      ({ length }) => answer(200, String(length)),
      (error: { statusCode: number }) => answer(error.statusCode, ''),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

/** Sends the first `bytes` of a body; resolves when the server has them. */
async function begin(bytes: number): Promise<ClientRequest> {
  const client = startRequest({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', method: 'POST', agent: false })
  client.on('error', () => {})
  const there = new Promise<void>((done) => (arrived = done))
  client.write(Buffer.alloc(bytes))
  await there
  return client
}

async function end(client: ClientRequest): Promise<string> {
  const answer = once(client, 'response') as Promise<[IncomingMessage]>
  client.end()
  const [response] = await answer
  let body = ''
  for await (const piece of response) body += String(piece)
  return `${response.statusCode} ${body}`
}

describe('bodies under way', () => {
  it('share a limit; one that finds no room is refused, and room comes back', async () => {
    const first = await begin(800)
    expect(await end(await begin(500))).toBe('503 ')
    expect(await end(await begin(100))).toBe('200 100')
    expect(await end(first)).toBe('200 800')
    expect(await end(await begin(500))).toBe('200 500')
  })

  it('give their room back when they break off or are too large', async () => {
    const gone = await begin(800)
    gone.destroy()
    await expect.poll(async () => end(await begin(850)), { timeout: 10_000 }).toBe('200 850')
    expect(await end(await begin(950))).toBe('413 ')
    expect(await end(await begin(850))).toBe('200 850')
  })
})
