// A series and its value as the text format writes them.

export type LabelPair = readonly [name: string, value: string]

export function seriesText(name: string, labels: readonly LabelPair[]): string {
  const pairs = labels.map(labelText)
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)) return `{${[quoted(name), ...pairs].join(',')}}`
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`
}

export function labelText([name, value]: LabelPair): string {
  return `${/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) ? name : quoted(name)}=${quoted(value)}`
}

export function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')}"`
}

export function valueText(value: number): string {
  if (value === Infinity) return '+Inf'
  return value === -Infinity ? '-Inf' : String(value)
}
