// The ways in and out for other servers: remote write, federation, and this server's own metrics.

import type { MetricRegistry } from '../../src/base/selfMetrics.ts'
import { contentType, type ExpositionFormat } from '../../query/exposition/family.ts'
import { writeProtobuf } from '../../query/exposition/protobufWriter.ts'
import { writeText } from '../../query/exposition/textWriter.ts'
import { plain, type Answer } from '../answer.ts'
import { negotiateFormat } from '../negotiation/negotiate.ts'
import type { Parts } from '../parts.ts'
import type { Router } from '../router.ts'
import { selfFamilies } from '../selfMetrics/selfFamilies.ts'

/** One byte beyond what the receiver takes, so that the refusal is its own. */
const writeBodyLimitBytes = 32 * 1024 * 1024 + 1

export function addIngestRoutes(router: Router, parts: () => Parts, registry: MetricRegistry): void {
  router.route(
    ['POST'],
    '/api/v1/write',
    async (request) => {
      const answer = await parts().remoteWrite.receive(request.rawBody, {
        'content-type': request.header('content-type'),
        'content-encoding': request.header('content-encoding'),
      })
      if (answer.status === 204) return { status: 204, headers: answer.headers ?? {}, body: '' }
      return plain(answer.status, answer.body ?? '', answer.headers)
    },
    { bodyLimitBytes: writeBodyLimitBytes, isDirect: true },
  )

  router.route(
    ['POST'],
    '/api/v1/otlp/v1/metrics',
    async (request) => {
      const { otlp } = parts()
      if (otlp === undefined) return plain(404, 'otlp write receiver needs to be enabled with --web.enable-otlp-receiver\n')
      const answer = await otlp.receive(request.body, { contentType: request.header('content-type'), contentEncoding: request.header('content-encoding') })
      return plain(answer.status, answer.body ?? '', answer.headers)
    },
    { bodyLimitBytes: writeBodyLimitBytes },
  )

  router.get('/federate', async (request) => {
    const answer = await parts().query.respond(
      {
        kind: 'federate',
        match: request.params.list('match[]'),
        nowMs: Date.now(),
        externalLabels: parts().externalLabels(),
        format: negotiateFormat(request.header('accept')),
      },
      request,
    )
    return answer
  })

  router.get('/metrics', (request) => ownMetrics(registry, negotiateFormat(request.header('accept'))), { whenNotReady: true })
}

function ownMetrics(registry: MetricRegistry, format: ExpositionFormat): Answer {
  const headers = { 'content-type': contentType(format) }
  switch (format.kind) {
    case 'text':
      return { status: 200, headers, body: registry.print() }
    case 'openMetrics':
      return { status: 200, headers, body: writeText(selfFamilies(registry), format) }
    case 'protobuf':
      return { status: 200, headers, body: writeProtobuf(selfFamilies(registry), format) }
  }
}
