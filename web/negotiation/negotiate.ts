// Which exposition format a scraper takes: the best of its Accept header that is offered here.

import type { ExpositionFormat, NameEscaping } from '../../query/exposition/family.ts'
import { headerClauses } from './headerClauses.ts'

const escapings: readonly NameEscaping[] = ['allow-utf-8', 'underscores', 'dots', 'values']

/** Text where the header says nothing that is known. Of equal quality the first counts. */
export function negotiateFormat(accept: string): ExpositionFormat {
  const clauses = headerClauses(accept).map(({ name: type, parameters }) => {
    const values = new Map(parameters.map((parameter) => parameter.split('=').map((part) => part.trim().replaceAll('"', ''))).map(([name = '', value = '']) => [name.toLowerCase(), value]))
    const quality = Number(values.get('q') ?? 1)
    return { type, values, quality: Number.isNaN(quality) ? 0 : quality }
  })
  for (const { type, values, quality } of clauses.sort((a, b) => b.quality - a.quality)) {
    if (quality <= 0) continue
    const version = values.get('version') ?? ''
    const escaping = escapings.find((one) => one === values.get('escaping'))
    if (type === 'application/openmetrics-text' && ['', '0.0.1', '1.0.0'].includes(version)) return { kind: 'openMetrics', version: version || '1.0.0', escaping }
    // Version 1.0.0 of the text format is 0.0.4 with names that may be quoted.
    if (type === 'text/plain' && ['', '0.0.4', '1.0.0'].includes(version)) return { kind: 'text', version: escaping === 'allow-utf-8' ? '1.0.0' : '0.0.4', escaping }
    const isFamily = values.get('proto') === 'io.prometheus.client.MetricFamily' && values.get('encoding') === 'delimited'
    if (type === 'application/vnd.google.protobuf' && isFamily) return { kind: 'protobuf', version: '', escaping }
  }
  return { kind: 'text', version: '0.0.4', escaping: undefined }
}
