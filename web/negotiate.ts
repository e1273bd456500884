// Which exposition format a scraper takes: the best of its Accept header that is offered here.

export type ExpositionFormat = {
  readonly format: 'text' | 'openmetrics'
  /** Whether names may be quoted UTF-8; otherwise every character beyond the old rules becomes `_`. */
  readonly allowsUtf8: boolean
}

/** Text where the header says nothing that is known. Of equal quality the first counts. */
export function negotiateFormat(accept: string): ExpositionFormat {
  const clauses = accept.split(',').map((item) => {
    const [type = '', ...parameters] = item.split(';').map((part) => part.trim())
    const values = new Map(parameters.map((parameter) => parameter.split('=').map((part) => part.trim().replaceAll('"', ''))).map(([name = '', value = '']) => [name.toLowerCase(), value]))
    const quality = Number(values.get('q') ?? 1)
    return { type: type.toLowerCase(), version: values.get('version') ?? '', escaping: values.get('escaping') ?? '', quality: Number.isNaN(quality) ? 0 : quality }
  })
  for (const { type, version, escaping, quality } of clauses.sort((a, b) => b.quality - a.quality)) {
    if (quality <= 0) continue
    const allowsUtf8 = escaping === 'allow-utf-8'
    if (type === 'application/openmetrics-text' && ['', '0.0.1', '1.0.0'].includes(version)) return { format: 'openmetrics', allowsUtf8 }
    if (type === 'text/plain' && ['', '0.0.4', '1.0.0'].includes(version)) return { format: 'text', allowsUtf8 }
  }
  return { format: 'text', allowsUtf8: false }
}
