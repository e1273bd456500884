// A process of its own that plays many exporters: each path serves the next captured scrape of node_exporter, each
// exporter starting at another one. Prints its port when it listens; `/served` tells how many samples it has given away.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readCapture } from '../../test/helpers/scraping/scrapeCapture.ts'

const scrapes = readCapture('node').map(({ body }) => ({ bytes: Buffer.from(body), sampleCount: body.match(/^[^#\n]/gm)?.length ?? 0 }))
const served = new Map<string, number>()
let servedSamples = 0

const server = createServer((request, response) => {
  const path = request.url ?? '/'
  if (path === '/served') return void response.end(String(servedSamples))
  const exporter = Number(path.split('/')[1] ?? 0)
  const count = (served.get(path) ?? exporter * 7) + 1
  served.set(path, count)
  const { bytes, sampleCount } = scrapes[count % scrapes.length] ?? { bytes: Buffer.alloc(0), sampleCount: 0 }
  servedSamples += sampleCount
  response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'content-length': bytes.length })
  response.end(bytes)
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port)) // it listens on TCP
process.once('SIGTERM', () => process.exit(0))
