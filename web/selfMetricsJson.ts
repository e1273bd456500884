// The server's own metrics as a list of metric families in the JSON form of their protocol buffer, for the status page.

import { parseTextExposition } from '../ingest/exposition.ts'
import { invalidParameter } from '../query/queryError.ts'
import { errorText } from '../src/base/assert.ts'
import type { MetricRegistry } from '../src/base/selfMetrics.ts'
import { compileAnchored } from '../storage/matcher.ts'

type Labels = readonly { readonly name: string; readonly value: string }[]
type Metric = { readonly label: Labels; readonly [kind: string]: unknown }
type Family = { readonly name: string; help: string; type: string; readonly metric: Metric[] }

/** A histogram or summary while its samples are gathered. */
type Distribution = { sampleCount: string; sampleSum: unknown; bucket?: unknown[]; quantile?: unknown[] }

/** Families whose names match `pattern`, anchored; all when it is empty. Throws a `QueryError`. */
export function selfMetrics(registry: MetricRegistry, pattern: string): Family[] {
  const families = new Map<string, Family>()
  const distributions = new Map<string, Distribution>()
  const familyOf = (name: string) => {
    let family = families.get(name)
    if (family === undefined) families.set(name, (family = { name, help: '', type: 'UNTYPED', metric: [] }))
    return family
  }
  parseTextExposition(Buffer.from(registry.print()), {
    metadata(kind, name, text) {
      if (kind === 'help') familyOf(name).help = text
      else if (kind === 'type') familyOf(name).type = text.toUpperCase()
    },
    sample({ labels, value }) {
      const name = labels.find((label) => label.name === '__name__')?.value ?? ''
      const family = families.get(name) ?? families.get(name.replace(/_(?:bucket|sum|count)$/, '')) ?? familyOf(name)
      const rest = labels.filter((label) => label.name !== '__name__')
      if (family.type === 'HISTOGRAM' || family.type === 'SUMMARY') addToDistribution(family, name, rest, value, distributions)
      else family.metric.push({ label: rest, [family.type.toLowerCase()]: { value: jsonDouble(value) } })
    },
  })
  const isAsked = pattern === '' ? () => true : matcherOf(pattern)
  return [...families.values()].filter(({ name }) => isAsked(name))
}

function addToDistribution(family: Family, name: string, labels: Labels, value: number, all: Map<string, Distribution>): void {
  const bound = labels.find((label) => label.name === 'le' || label.name === 'quantile')
  const label = labels.filter((one) => one !== bound)
  const key = JSON.stringify([family.name, label])
  let distribution = all.get(key)
  if (distribution === undefined) {
    distribution = { sampleCount: '0', sampleSum: 0 }
    all.set(key, distribution)
    family.metric.push({ label, [family.type.toLowerCase()]: distribution })
  }
  if (bound?.name === 'le') (distribution.bucket ??= []).push({ cumulativeCount: String(value), upperBound: jsonDouble(boundOf(bound.value)) })
  else if (bound !== undefined) (distribution.quantile ??= []).push({ quantile: boundOf(bound.value), value: jsonDouble(value) })
  else if (name.endsWith('_sum')) distribution.sampleSum = jsonDouble(value)
  else distribution.sampleCount = String(value)
}

function boundOf(text: string): number {
  return text === '+Inf' ? Infinity : Number(text)
}

/** JSON has no number for these. */
function jsonDouble(value: number): number | string {
  return Number.isFinite(value) ? value : String(value)
}

function matcherOf(pattern: string): (name: string) => boolean {
  try {
    const regex = compileAnchored(pattern)
    return (name) => regex.matches(name)
  } catch (error) {
    throw invalidParameter('metric_name_pattern', errorText(error))
  }
}
