// A metric family as it is shown to a scraper, and the choice of the format: what the text and the protobuf writer beside
// this file print. `/federate` and the server's own `/metrics` are made of these.

import type { NativeHistogram } from '../../storage/model/histogram.ts'
import type { Label } from '../../storage/model/labels.ts'

export type ExposedType = 'counter' | 'gauge' | 'summary' | 'untyped' | 'histogram' | 'gaugeHistogram'

/** `buckets` are upper bounds with cumulative counts, ascending, up to +Inf; a summary may have nothing but its quantiles. */
export type ExposedValue =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'summary'; readonly count: number | undefined; readonly sum: number | undefined; readonly quantiles: readonly (readonly [quantile: number, value: number])[] }
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

/** What becomes of names that the old rules do not allow. */
export type NameEscaping = 'allow-utf-8' | 'underscores' | 'dots' | 'values'

export type ExpositionFormat = {
  readonly kind: 'text' | 'openMetrics' | 'protobuf'
  /** Of the text formats, as the scraper asked for it. */
  readonly version: string
  /** As the scraper asked for it; without, `underscores`. */
  readonly escaping: NameEscaping | undefined
}

/** The header of an answer in the format. */
export function contentType({ kind, version, escaping: asked }: ExpositionFormat): string {
  const escaping = asked === undefined ? '' : `; escaping=${asked}`
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

/** The name as the format's escaping has it. */
export function shownName(name: string, of: 'metric' | 'label', { escaping = 'underscores' }: ExpositionFormat): string {
  const isPlain = isPlainName(name, of)
  const isPlainAt = (c: string, i: number) => isPlainName(i === 0 ? c : `_${c}`, of)
  switch (escaping) {
    case 'allow-utf-8':
      return name
    case 'underscores':
      return isPlain ? name : [...name].map((c, i) => (isPlainAt(c, i) ? c : '_')).join('')
    case 'dots':
      return [...name].map((c, i) => (c === '_' ? '__' : c === '.' ? '_dot_' : isPlainAt(c, i) ? c : '__')).join('')
    case 'values':
      return isPlain ? name : `U__${[...name].map((c, i) => (c === '_' ? '__' : isPlainAt(c, i) ? c : `_${codePointOf(c)}_`)).join('')}`
  }
}

/** Hexadecimal; half a character is the one that stands for what cannot be read. */
function codePointOf(character: string): string {
  return character.isWellFormed() ? (character.codePointAt(0) ?? 0).toString(16) : 'FFFD'
}
