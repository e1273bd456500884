// A series as one types it: `up{job="a"}`, quoted where the name or a label is no plain word.

import type { Metric } from '../api/shapes.ts'

const plainMetric = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const plainLabel = /^[a-zA-Z_][a-zA-Z0-9_]*$/

export function seriesName(metric: Metric): string {
  const { __name__: name = '', ...rest } = metric
  const pairs = Object.entries(rest).map(([label, value]) => `${plainLabel.test(label) ? label : quote(label)}=${quote(value)}`)
  if (name !== '' && !plainMetric.test(name)) return `{${[quote(name), ...pairs].join(', ')}}`
  if (pairs.length === 0) return name === '' ? '{}' : name
  return `${name}{${pairs.join(', ')}}`
}

function quote(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`
}
