// The server's own metrics as a list of metric families in the JSON form of their protocol buffer, for the status page.

import type { ExposedFamily, ExposedValue } from '../../query/exposition/family.ts'
import { invalidParameter } from '../../query/queryError.ts'
import { errorText, unreachable } from '../../src/base/assert.ts'
import type { MetricRegistry } from '../../src/base/selfMetrics.ts'
import { compileAnchored } from '../../storage/model/matcher.ts'
import { selfFamilies } from './selfFamilies.ts'

/** Families whose names match `pattern`, anchored; all when it is empty. Throws a `QueryError`. */
export function selfMetrics(registry: MetricRegistry, pattern: string): object[] {
  const isAsked = pattern === '' ? () => true : matcherOf(pattern)
  return selfFamilies(registry).filter(({ name }) => isAsked(name)).map(familyJson)
}

function familyJson({ name, help, type, metrics }: ExposedFamily): object {
  return { name, help, type: type.toUpperCase(), metric: metrics.map(({ labels, value }) => ({ label: labels, [type]: valueJson(value) })) }
}

function valueJson(value: ExposedValue): object {
  switch (value.kind) {
    case 'number':
      return { value: jsonDouble(value.value) }
    case 'summary': {
      const quantile = value.quantiles.map(([bound, at]) => ({ quantile: bound, value: jsonDouble(at) }))
      return { sampleCount: String(value.count ?? 0), sampleSum: jsonDouble(value.sum ?? 0), quantile }
    }
    case 'classicHistogram': {
      const bucket = value.buckets.map(([bound, count]) => ({ cumulativeCount: String(count), upperBound: jsonDouble(bound) }))
      return { sampleCount: String(value.count), sampleSum: jsonDouble(value.sum), bucket }
    }
    case 'nativeHistogram':
      throw new Error('bug: the registry has no native histograms')
    default:
      return unreachable(value)
  }
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
