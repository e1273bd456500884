// A metric family as it is shown to a scraper, and the choice of the format: what the text and the protobuf writer beside
// this file print. `/federate` and the server's own `/metrics` are made of these.

import type { NativeHistogram } from '../../storage/histogram.ts'
import type { Label } from '../../storage/labels.ts'

export type ExposedType = 'counter' | 'gauge' | 'summary' | 'untyped' | 'histogram' | 'gaugeHistogram'

/** `buckets` are upper bounds with cumulative counts, ascending, up to +Inf. */
export type ExposedValue =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'summary'; readonly count: number; readonly sum: number; readonly quantiles: readonly (readonly [quantile: number, value: number])[] }
  | { readonly kind: 'classicHistogram'; readonly count: number; readonly sum: number; readonly buckets: readonly (readonly [bound: number, count: number])[] }
  | { readonly kind: 'nativeHistogram'; readonly histogram: NativeHistogram }

export type ExposedMetric = {
  /** Without the name; a value may be empty. */
  readonly labels: readonly Label[]
  readonly timestampMs?: number
  readonly value: ExposedValue
}

/** All of a family have the same name and the kind of value that its type says. */
export type ExposedFamily = { readonly name: string; readonly help: string; readonly type: ExposedType; readonly metrics: readonly ExposedMetric[] }

export type ExpositionFormat = {
  readonly kind: 'text' | 'openMetrics' | 'protobuf'
  /** Of the text formats, as the scraper asked for it. */
  readonly version: string
  /** Whether names may be any UTF-8; otherwise every character beyond the old rules becomes `_`. */
  readonly allowsUtf8: boolean
}

export function contentType({ kind, version, allowsUtf8 }: ExpositionFormat): string {
  const escaping = allowsUtf8 ? '; escaping=allow-utf-8' : ''
  switch (kind) {
    case 'text':
      return `text/plain; version=${version}; charset=utf-8${escaping}`
    case 'openMetrics':
      return `application/openmetrics-text; version=${version}; charset=utf-8${escaping}`
    case 'protobuf':
      return `application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited${escaping}`
  }
}

/** Whether the name follows the old rules, which allow colons in names of metrics. */
export function isPlainName(name: string, of: 'metric' | 'label'): boolean {
  return of === 'metric' ? /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name) : /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)
}

export function shownName(name: string, of: 'metric' | 'label', { allowsUtf8 }: ExpositionFormat): string {
  if (allowsUtf8 || isPlainName(name, of)) return name
  return [...name].map((c, i) => (isPlainName(i === 0 ? c : `_${c}`, of) ? c : '_')).join('')
}
