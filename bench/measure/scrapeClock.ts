// A process of its own that is scraped and notes when: `/arrivals` gives the times in milliseconds since 1970 by user agent
// and path, and forgets them. Prints its port when it listens.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

let arrivals: Record<string, number[]> = {}

const server = createServer((request, response) => {
  const nowMs = performance.timeOrigin + performance.now()
  const path = request.url ?? '/'
  response.writeHead(200, { 'content-type': path === '/arrivals' ? 'application/json' : 'text/plain; version=0.0.4' })
  if (path === '/arrivals') {
    response.end(JSON.stringify(arrivals))
    arrivals = {}
    return
  }
  const key = `${request.headers['user-agent'] ?? ''} ${path}`
  const times = (arrivals[key] ??= [])
  times.push(nowMs)
  response.end('x 1\n')
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port)) // it listens on TCP
process.once('SIGTERM', () => process.exit(0))
