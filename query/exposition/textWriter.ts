// Metric families in the text format and in OpenMetrics. Neither has a way to say a native histogram.

import type { Label } from '../../storage/model/labels.ts'
import { formatExposed } from '../language/numberText.ts'
import { isPlainName, shownName, type ExposedFamily, type ExposedMetric, type ExpositionFormat } from './family.ts'

/** Families of one name that follow each other share their HELP and TYPE lines. */
export function writeText(families: Iterable<ExposedFamily>, format: ExpositionFormat): string {
  const isOpenMetrics = format.kind === 'openMetrics'
  let text = ''
  let before: string | undefined
  for (const family of families) {
    const name = shownName(family.name, 'metric', format)
    const isTotal = isOpenMetrics && family.type === 'counter' && name.endsWith('_total')
    // OpenMetrics names a counter without the suffix that its samples have.
    const familyName = quotedUnlessPlain(isTotal ? name.slice(0, -'_total'.length) : name)
    if (familyName !== before) {
      if (family.help !== '') text += `# HELP ${familyName} ${escapedHelp(family.help, isOpenMetrics)}\n`
      text += `# TYPE ${familyName} ${typeName(family, isOpenMetrics, isTotal)}\n`
    }
    before = familyName
    for (const metric of family.metrics) text += linesOf(name, metric, format)
  }
  return isOpenMetrics ? `${text}# EOF\n` : text
}

function typeName({ type }: ExposedFamily, isOpenMetrics: boolean, isTotal: boolean): string {
  if (!isOpenMetrics) return type === 'gaugeHistogram' ? 'histogram' : type
  if (type === 'gaugeHistogram') return 'gaugehistogram'
  return type === 'untyped' || (type === 'counter' && !isTotal) ? 'unknown' : type
}

function linesOf(name: string, { labels, timestampMs, value }: ExposedMetric, format: ExpositionFormat): string {
  const isOpenMetrics = format.kind === 'openMetrics'
  const float = isOpenMetrics ? openMetricsFloat : formatExposed
  const time = timestampMs === undefined ? '' : isOpenMetrics ? ` ${openMetricsFloat(timestampMs / 1000)}` : ` ${timestampMs}`
  const line = (suffix: string, text: string, added: readonly Label[] = []) => `${seriesText(name + suffix, [...labels, ...added], format)} ${text}${time}\n`
  switch (value.kind) {
    case 'number':
      return line('', float(value.value))
    case 'summary': {
      const quantiles = value.quantiles.map(([quantile, at]) => line('', float(at), [{ name: 'quantile', value: float(quantile) }]))
      const { sum, count } = value
      return quantiles.join('') + (sum === undefined ? '' : line('_sum', float(sum))) + (count === undefined ? '' : line('_count', formatCount(count)))
    }
    case 'classicHistogram': {
      const buckets = value.buckets.map(([bound, count]) => line('_bucket', formatCount(count), [{ name: 'le', value: float(bound) }]))
      return buckets.join('') + line('_sum', float(value.sum)) + line('_count', formatCount(value.count))
    }
    case 'nativeHistogram':
      return ''
  }
}

/** Whole counts have no exponent. */
function formatCount(count: number): string {
  return Number.isSafeInteger(count) ? String(count) : formatExposed(count)
}

function seriesText(name: string, labels: readonly Label[], format: ExpositionFormat): string {
  const isPlain = isPlainName(name, 'metric')
  const pairs = labels.map((label) => {
    const shown = shownName(label.name, 'label', format)
    return `${isPlainName(shown, 'label') ? shown : quoted(shown)}=${quoted(label.value)}`
  })
  if (!isPlain) pairs.unshift(quoted(name))
  return `${isPlain ? name : ''}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''}`
}

function quotedUnlessPlain(name: string): string {
  return isPlainName(name, 'metric') ? name : quoted(name)
}

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')}"`
}

function escapedHelp(text: string, isOpenMetrics: boolean): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return isOpenMetrics ? escaped.replaceAll('"', '\\"') : escaped
}

function openMetricsFloat(value: number): string {
  const text = formatExposed(value)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}
