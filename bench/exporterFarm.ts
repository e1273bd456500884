// A process of its own that plays many exporters: each path serves the next captured scrape of node_exporter, each
// exporter starting at another one. Prints its port when it listens.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readCapture } from '../test/helpers/scrapeCapture.ts'

const bodies = readCapture('node').map((scrape) => Buffer.from(scrape.body))
const served = new Map<string, number>()

const server = createServer((request, response) => {
  const path = request.url ?? '/'
  const exporter = Number(path.split('/')[1] ?? 0)
  const count = (served.get(path) ?? exporter * 7) + 1
  served.set(path, count)
  const body = bodies[count % bodies.length] ?? Buffer.alloc(0)
  response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'content-length': body.length })
  response.end(body)
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port)) // it listens on TCP
process.once('SIGTERM', () => process.exit(0))
