// What a scrape asks for and how its answer is to be read: the Accept header and the choice of parser. Pure.

import type { NameEscaping, ScrapeProtocol } from './scrapeConfig.ts'

const mediaTypes: Readonly<Record<ScrapeProtocol, string>> = {
  PrometheusProto: 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
  'OpenMetricsText0.0.1': 'application/openmetrics-text;version=0.0.1',
  'OpenMetricsText1.0.0': 'application/openmetrics-text;version=1.0.0',
  'PrometheusText0.0.4': 'text/plain;version=0.0.4',
  'PrometheusText1.0.0': 'text/plain;version=1.0.0',
}

/** Protocols in order of preference, then anything. */
export function acceptHeader(protocols: readonly ScrapeProtocol[], escaping: NameEscaping): string {
  let weight = Object.keys(mediaTypes).length + 1
  let header = ''
  for (const protocol of protocols) {
    const takesEscaping = protocol === 'PrometheusText1.0.0' || protocol === 'OpenMetricsText1.0.0'
    header += `${mediaTypes[protocol]}${takesEscaping ? `;escaping=${escaping}` : ''};q=0.${weight--},`
  }
  return `${header}*/*;q=0.${weight}`
}

export type BodyFormat = 'text' | 'openMetrics' | 'protobuf'

const mediaTypePattern = /^\s*([!#$%&'*+.^_`|~0-9a-z-]+\/[!#$%&'*+.^_`|~0-9a-z-]+)\s*(?:;\s*[!#$%&'*+.^_`|~0-9a-z-]+\s*=\s*(?:[!#$%&'*+.^_`|~0-9a-z-]+|"(?:[^"\\]|\\.)*")\s*)*;?\s*$/i

/**
 * The format of a body by its Content-Type, else the fallback. Throws an error with Prometheus's words when there is
 * neither: since Prometheus 3 a target that names no type is not guessed at.
 */
export function bodyFormat(contentType: string, fallback: ScrapeProtocol | undefined): BodyFormat {
  if (contentType === '') {
    if (fallback === undefined)
      throw new Error('non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target')
    return formatOf(fallback)
  }
  const mediaType = mediaTypePattern.exec(contentType)?.[1]?.toLowerCase()
  if (mediaType === 'text/plain') return 'text'
  if (mediaType === 'application/openmetrics-text') return 'openMetrics'
  if (mediaType === 'application/vnd.google.protobuf') return 'protobuf'
  if (fallback !== undefined) return formatOf(fallback)
  throw new Error(
    mediaType === undefined
      ? `cannot parse Content-Type ${JSON.stringify(contentType)} and no fallback_scrape_protocol for target`
      : `received unsupported Content-Type ${JSON.stringify(contentType)} and no fallback_scrape_protocol specified for target`,
  )
}

function formatOf(protocol: ScrapeProtocol): BodyFormat {
  if (protocol === 'PrometheusProto') return 'protobuf'
  return protocol.startsWith('OpenMetrics') ? 'openMetrics' : 'text'
}
