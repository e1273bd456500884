// Remote read: another Prometheus takes samples from here. The query workers read and encode; this bounds how many do so
// at a time.

import { Readable } from 'node:stream'
import type { MetricRegistry } from '../../src/base/selfMetrics.ts'
import { plain } from '../answer.ts'
import { Gate } from '../gate.ts'
import type { Parts } from '../parts.ts'
import type { Router } from '../router.ts'

/** 0 is no limit. */
export type RemoteReadOptions = { readonly sampleLimit: number; readonly concurrentLimit: number; readonly maxFrameBytes: number }

const bodyLimitBytes = 32 * 1024 * 1024

export function addRemoteReadRoutes(router: Router, parts: () => Parts, options: RemoteReadOptions, registry: MetricRegistry): void {
  const { concurrentLimit, sampleLimit, maxFrameBytes } = options
  const gate = new Gate(concurrentLimit)
  registry.sampled('prometheus_api_remote_read_queries', 'The current number of remote read queries being executed or waiting.', 'gauge', () => gate.count)
  router.route(
    ['POST'],
    '/api/v1/read',
    async (request) => {
      const leave = await gate.enter(request.signal)
      if (leave === undefined) return plain(499, 'the client is gone\n')
      const { query, externalLabels } = parts()
      const answer = await query.remoteRead({ kind: 'remoteRead', body: request.body, externalLabels: externalLabels(), sampleLimit, maxFrameBytes }, request)
      if (answer.body instanceof Readable) answer.body.once('close', leave)
      else leave()
      return answer
    },
    { bodyLimitBytes },
  )
}
