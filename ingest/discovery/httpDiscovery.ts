// http_sd_configs: target groups from an HTTP endpoint, asked after each refresh interval. A failure keeps the former
// groups.

import type { DiscoveryConfig } from '../../src/base/config/discoveryConfig.ts'
import { HttpClient } from '../../src/base/http/httpClient.ts'
import type { Discoverer, DiscovererContext } from './discoverer.ts'
import { startPoller } from './poller.ts'
import { parseTargetGroups } from './targetGroup.ts'

type HttpDiscoveryConfig = Extract<DiscoveryConfig, { kind: 'http' }>

const maxAnswerBytes = 64 * 1024 * 1024

export function startHttpDiscovery(config: HttpDiscoveryConfig, context: DiscovererContext): Discoverer {
  const client = new HttpClient(config.http, { userAgent: context.userAgent })
  const ask = async (signal: AbortSignal) => {
    const answer = await client.request(
      {
        url: config.url,
        headers: {
          accept: 'application/json',
          'x-prometheus-refresh-interval-seconds': String(config.refreshIntervalMs / 1000),
        },
        timeoutMs: config.refreshIntervalMs,
        maxBodyBytes: maxAnswerBytes,
      },
      signal,
    )
    if (answer.status !== 200) throw new Error(`server returned HTTP status ${answer.statusLine}`)
    const contentType = answer.headers['content-type'] ?? ''
    if (!/^application\/json(?:;\s*charset=("?)utf-8\1)?$/i.test(contentType.trim()))
      throw new Error(`unsupported content type ${JSON.stringify(contentType)}`)
    return parseTargetGroups(Buffer.from(answer.body).toString('utf8'), 'json', config.url, { __meta_url: config.url })
  }
  const refresh = async (signal: AbortSignal) => {
    try {
      context.update(await context.timed('http', () => ask(signal)))
    } catch (error) {
      context.metrics.httpFailures.inc()
      throw error
    }
  }
  const poller = startPoller({ intervalMs: config.refreshIntervalMs, refresh, onFailure: context.fail, logger: context.logger })
  return {
    close: async () => {
      await poller.close()
      await client.close()
    },
  }
}
