// A series and its value as the text format writes them.

export type LabelPair = readonly [name: string, value: string]

/** The name stands among the labels, quoted, when it is no plain one. */
export function seriesText(name: string, labels: readonly LabelPair[]): string {
  const pairs = labels.map(labelText)
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)) return `{${[quoted(name), ...pairs].join(',')}}`
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`
}

/** `name="value"`; the name quoted when it is no plain one. */
export function labelText([name, value]: LabelPair): string {
  return `${/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) ? name : quoted(name)}=${quoted(value)}`
}

/** In quotes, with backslashes, line feeds and quotes escaped. */
export function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')}"`
}

/** Such that reading it again gives the same number. */
export function valueText(value: number): string {
  if (value === Infinity) return '+Inf'
  return value === -Infinity ? '-Inf' : String(value)
}
