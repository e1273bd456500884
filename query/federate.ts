// The answer of /federate: the newest sample of every matching series in the text format or in OpenMetrics, for another
// Prometheus to scrape. Stale series are left out; external labels are added where the series does not have them.

import { compareBytes, compareLabels, labelsKey, labelValue, metricNameLabel, type Label, type Labels } from '../storage/labels.ts'
import type { Matcher } from '../storage/matcher.ts'
import type { Querier } from '../storage/querier.ts'
import { isStaleMarker } from '../storage/sample.ts'
import type { FederateRequest } from './api.ts'
import { formatExposed } from './jsonNumber.ts'

type Latest = { readonly name: string; readonly labels: Labels; readonly timestampMs: number; readonly value: number }

export type Federated = { readonly body: string; readonly contentType: string }

export function federate(
  querier: Querier,
  sets: readonly (readonly Matcher[])[],
  lookbackMs: number,
  request: FederateRequest,
): Federated {
  const openMetrics = request.format === 'openmetrics'
  const external = new Map(request.externalLabels.map(({ name, value }) => [name, value]))
  // Without an own instance the scraper would put its target's there, although it honors labels.
  if (!external.has('instance')) external.set('instance', '')
  const externalLabels = [...external].map(([name, value]) => ({ name, value })).sort((a, b) => compareBytes(a.name, b.name))

  let body = ''
  let family: string | undefined
  for (const { name, labels, timestampMs, value } of latestSamples(querier, sets, lookbackMs, request.nowMs)) {
    const exposedName = request.utf8Names === true ? name : escapeName(name, true)
    if (exposedName !== family) {
      body += `# TYPE ${quoteUnlessPlain(exposedName)} ${openMetrics ? 'unknown' : 'untyped'}\n`
      family = exposedName
    }
    const own = labels.filter((label) => label.name !== metricNameLabel)
    const added = externalLabels.filter((label) => labelValue(own, label.name) === '')
    const all = [...own, ...added].map((label) => (request.utf8Names === true ? label : { ...label, name: escapeName(label.name, false) }))
    body += printSeries(exposedName, all)
    body += openMetrics ? ` ${openMetricsFloat(value)} ${openMetricsFloat(timestampMs / 1000)}\n` : ` ${formatExposed(value)} ${timestampMs}\n`
  }
  return openMetrics
    ? { body: `${body}# EOF\n`, contentType: 'application/openmetrics-text; version=1.0.0; charset=utf-8' }
    : { body, contentType: 'text/plain; version=0.0.4; charset=utf-8' }
}

/** Sorted by metric name, then labels. */
function latestSamples(querier: Querier, sets: readonly (readonly Matcher[])[], lookbackMs: number, nowMs: number): Latest[] {
  const found = new Map<string, Latest>()
  for (const matchers of sets) {
    const selection = querier.select(matchers, { minTimeMs: nowMs - lookbackMs, maxTimeMs: nowMs })
    for (let i = 0; i < selection.count; i++) {
      const labels = selection.labels(i)
      const name = labelValue(labels, metricNameLabel)
      const key = labelsKey(labels)
      if (name === '' || found.has(key)) continue
      const samples = selection.read(i)
      const last = samples.length - 1
      // Neither format can say a native histogram.
      if (last < 0 || isStaleMarker(samples.valueWords, last) || samples.histograms?.[last] !== undefined) continue
      found.set(key, { name, labels, timestampMs: samples.timestampsMs[last] ?? NaN, value: samples.values[last] ?? NaN })
    }
  }
  return [...found.values()].sort((a, b) => compareBytes(a.name, b.name) || compareLabels(a.labels, b.labels))
}

function printSeries(name: string, labels: readonly Label[]): string {
  const plain = isPlain(name, true)
  const pairs = labels.map((label) => `${isPlain(label.name, false) ? label.name : quoted(label.name)}=${quoted(label.value)}`)
  if (!plain) pairs.unshift(quoted(name))
  return `${plain ? name : ''}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''}`
}

function isPlain(name: string, metric: boolean): boolean {
  return metric ? /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name) : /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)
}

function escapeName(name: string, metric: boolean): string {
  if (isPlain(name, metric)) return name
  return [...name].map((c, i) => (isPlain(i === 0 ? c : `_${c}`, metric) ? c : '_')).join('')
}

function quoteUnlessPlain(name: string): string {
  return isPlain(name, true) ? name : quoted(name)
}

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')}"`
}

function openMetricsFloat(value: number): string {
  const text = formatExposed(value)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}
