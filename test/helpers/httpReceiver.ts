// An HTTP endpoint on loopback that keeps what is posted to it and answers as the test says.

import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Posted = { readonly method: string; readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: string; readonly atMs: number }
export type Reply = { readonly status?: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string; /** Never answers. */ readonly silent?: boolean }

export type HttpReceiver = { readonly url: string; readonly posted: Posted[]; /** Answers in turn; the last one stays. */ reply(...replies: Reply[]): void; close(): Promise<void> }

export async function startHttpReceiver(): Promise<HttpReceiver> {
  const posted: Posted[] = []
  let replies: Reply[] = [{}]
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (bytes: Buffer) => (body += bytes.toString()))
    request.on('end', () => {
      posted.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers, body, atMs: Date.now() })
      const reply = (replies.length > 1 ? replies.shift() : replies[0]) ?? {}
      if (reply.silent !== true) response.writeHead(reply.status ?? 200, reply.headers ?? {}).end(reply.body ?? '')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // it listens on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    posted,
    reply: (...next) => (replies = next),
    close: () => new Promise((resolve) => (server.closeAllConnections(), server.close(() => resolve()))),
  }
}
