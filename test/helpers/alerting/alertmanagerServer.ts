// The built-in Alertmanager behind a plain HTTP server, for clients that speak its API over the network.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Alertmanager } from '../../../alerting/alertmanager.ts'
import type { AlertmanagerOptions } from '../../../alerting/alertmanager.ts'
import { checkMatchers } from '../../../alerting/alerts/matchers.ts'
import { parseAlertmanagerConfig } from '../../../alerting/config/alertmanagerConfig.ts'
import { silentLogger, type Logger } from '../../../src/base/log.ts'
import { MetricRegistry } from '../../../src/base/selfMetrics.ts'
import type { StateStore } from '../../../storage/state.ts'
import { createMemoryState } from './memoryState.ts'

export type AlertmanagerServer = { readonly url: string; readonly alertmanager: Alertmanager; readonly registry: MetricRegistry; close(): Promise<void> }

export async function startAlertmanagerServer(yaml: string, options: { readonly state?: StateStore; readonly logger?: Logger; readonly flags?: Partial<AlertmanagerOptions> } = {}): Promise<AlertmanagerServer> {
  const registry = new MetricRegistry()
  const alertmanager = new Alertmanager({
    state: options.state ?? createMemoryState().store,
    logger: options.logger ?? silentLogger,
    registry,
    externalUrl: 'http://mon:9093',
    version: { version: '0.25.0', revision: 'r', branch: 'HEAD', buildUser: 'u', buildDate: 'd', goVersion: 'node' },
    ...(options.flags !== undefined && { options: options.flags }),
  })
  await alertmanager.apply((await parseAlertmanagerConfig(yaml, 'alertmanager.yml', { checkMatchers })).config)
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const [path = '', query = ''] = (request.url ?? '').split('?')
      void alertmanager
        .respond({ method: request.method ?? '', path: path.replace('/api/v2', ''), query, contentType: request.headers['content-type'] ?? '', body: Buffer.concat(chunks) })
        .then((answer) => response.writeHead(answer.status, answer.headers).end(answer.body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // it listens on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    alertmanager,
    registry,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await alertmanager.close()
    },
  }
}
