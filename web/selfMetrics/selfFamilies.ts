// The server's own metrics as metric families: the registry prints text, and what else is asked for is made of that.

import { parseTextExposition } from '../../ingest/exposition/text/exposition.ts'
import type { ExposedFamily, ExposedMetric, ExposedType } from '../../query/exposition/family.ts'
import type { MetricRegistry } from '../../src/base/selfMetrics.ts'
import { labelValue, metricNameLabel, type Label, type Labels } from '../../storage/model/labels.ts'

type Gathered = { readonly name: string; help: string; type: ExposedType; readonly metrics: ExposedMetric[] }

/** A histogram or summary while its samples are gathered; `bounds` are buckets or quantiles. */
type Distribution = { readonly shown: { count: number | undefined; sum: number | undefined }; readonly bounds: [bound: number, value: number][] }

/** Sorted by name. */
export function selfFamilies(registry: MetricRegistry): ExposedFamily[] {
  const families = new Map<string, Gathered>()
  const distributions = new Map<string, Distribution>()
  const familyOf = (name: string) => {
    let family = families.get(name)
    if (family === undefined) families.set(name, (family = { name, help: '', type: 'untyped', metrics: [] }))
    return family
  }
  parseTextExposition(Buffer.from(registry.print()), {
    metadata(kind, name, text) {
      if (kind === 'help') familyOf(name).help = text
      else if (kind === 'type') familyOf(name).type = text as ExposedType // the registry prints no other
    },
    sample({ labels, value }) {
      const name = labelValue(labels, metricNameLabel)
      const family = families.get(name) ?? families.get(name.replace(/_(?:bucket|sum|count)$/, '')) ?? familyOf(name)
      const rest = labels.filter((label) => label.name !== metricNameLabel)
      if (family.type === 'histogram' || family.type === 'summary') addToDistribution({ family, name, labels: rest, value }, distributions)
      else family.metrics.push({ labels: rest, value: { kind: 'number', value } })
    },
  })
  return [...families.values()]
}

type Part = { readonly family: Gathered; readonly name: string; readonly labels: Labels; readonly value: number }

function addToDistribution({ family, name, labels, value }: Part, all: Map<string, Distribution>): void {
  const bound = labels.find((label) => label.name === 'le' || label.name === 'quantile')
  const own = labels.filter((one) => one !== bound)
  const key = JSON.stringify([family.name, own])
  let distribution = all.get(key)
  if (distribution === undefined) {
    const bounds: Distribution['bounds'] = []
    const shown = family.type === 'summary' ? { kind: 'summary' as const, count: undefined, sum: undefined, quantiles: bounds } : { kind: 'classicHistogram' as const, count: 0, sum: 0, buckets: bounds }
    all.set(key, (distribution = { shown, bounds }))
    family.metrics.push({ labels: own, value: shown })
  }
  if (bound !== undefined) distribution.bounds.push([boundOf(bound), value])
  else if (name.endsWith('_sum')) distribution.shown.sum = value
  else distribution.shown.count = value
}

function boundOf({ value }: Label): number {
  return value === '+Inf' ? Infinity : Number(value)
}
