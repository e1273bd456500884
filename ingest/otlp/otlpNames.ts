// Names of OpenTelemetry in the way of Prometheus: metric names with their unit and kind as suffixes, attribute names as
// label names.

import type { OtlpConfig } from './otlpConfig.ts'

export type NamedMetric = { readonly name: string; readonly unit: string; readonly kind: 'gauge' | 'monotonicSum' | 'other' }

const units: Readonly<Record<string, string>> = {
  d: 'days', h: 'hours', min: 'minutes', s: 'seconds', ms: 'milliseconds', us: 'microseconds', ns: 'nanoseconds',
  By: 'bytes', KiBy: 'kibibytes', MiBy: 'mebibytes', GiBy: 'gibibytes', TiBy: 'tebibytes', KBy: 'kilobytes', MBy: 'megabytes', GBy: 'gigabytes', TBy: 'terabytes',
  m: 'meters', V: 'volts', A: 'amperes', J: 'joules', W: 'watts', g: 'grams', Cel: 'celsius', Hz: 'hertz', '1': '', '%': 'percent',
}
/** Behind a slash. */
const perUnits: Readonly<Record<string, string>> = { s: 'second', m: 'minute', h: 'hour', d: 'day', w: 'week', mo: 'month', y: 'year' }

/** The name of the metric's series under the strategy, without what its type adds (`_bucket`, `_sum`, `_count`). */
export function metricName(metric: NamedMetric, { translationStrategy }: Pick<OtlpConfig, 'translationStrategy'>): string {
  switch (translationStrategy) {
    case 'NoTranslation':
      return metric.name
    case 'UnderscoreEscapingWithoutSuffixes':
      return withLeadingUnderscore(metric.name.replace(/[^a-zA-Z0-9:]+/g, '_'))
    case 'UnderscoreEscapingWithSuffixes': {
      const tokens = metric.name.split(/[^a-zA-Z0-9:]+/).filter((token) => token !== '')
      return withLeadingUnderscore(suffixed(tokens, metric, (unit) => unit.split(/[^a-zA-Z0-9]+/).filter((token) => token !== '')).join('_'))
    }
    case 'NoUTF8EscapingWithSuffixes': {
      const suffixes = suffixed([], metric, (unit) => (unit === '' ? [] : [unit]))
      let name = metric.name
      for (const suffix of suffixes.toReversed()) if (name.endsWith(`_${suffix}`)) name = name.slice(0, -suffix.length - 1)
      return [name, ...suffixes].join('_')
    }
  }
}

/** The unit in words, as in `meters_per_second`; `''` when there is none. */
export function unitName(unit: string): string {
  const [main = '', per = ''] = unitParts(unit)
  return [units[main] ?? main, ...(per === '' ? [] : ['per', perUnits[per] ?? per])].filter((part) => part !== '').join('_').replace(/[^a-zA-Z0-9_]+/g, '_')
}

/** What is in front of the slash and what is behind it, without what is in braces. */
function unitParts(unit: string): string[] {
  return unit.split('/', 2).map((part) => (/[{}]/.test(part) ? '' : part.trim()))
}

/** The tokens with those of the unit and of the kind behind them, each once. */
function suffixed(tokens: readonly string[], { unit, kind }: NamedMetric, split: (unit: string) => string[]): string[] {
  const [main = '', per = ''] = unitParts(unit)
  const missing = (added: readonly string[]) => (added.length > 0 && added.every((token) => tokens.includes(token)) ? [] : added)
  const perTokens = split(perUnits[per] ?? per)
  const all = [...tokens, ...missing(split(units[main] ?? main)), ...(missing(perTokens).length > 0 ? ['per', ...perTokens] : [])]
  const last = kind === 'monotonicSum' ? 'total' : kind === 'gauge' && unit === '1' ? 'ratio' : undefined
  return last === undefined ? all : [...all.filter((token) => token !== last), last]
}

function withLeadingUnderscore(name: string): string {
  return /^\d/.test(name) ? `_${name}` : name
}

/** Throws for a name of which nothing is left. */
export function labelName(name: string, config: Pick<OtlpConfig, 'translationStrategy' | 'sanitizesUnderscore' | 'preservesUnderscores'>): string {
  if (config.translationStrategy === 'NoTranslation' || config.translationStrategy === 'NoUTF8EscapingWithSuffixes') return name
  const escaped = name.replace(config.preservesUnderscores ? /[^a-zA-Z0-9_]/g : /[^a-zA-Z0-9]+/g, '_')
  if (/^_*$/.test(escaped)) throw new Error(`normalization for label name ${JSON.stringify(name)} resulted in invalid name ${JSON.stringify(escaped)}`)
  if (/^\d/.test(escaped)) return `key_${escaped}`
  return config.sanitizesUnderscore && /^_(?!_)/.test(escaped) ? `key${escaped}` : escaped
}
