// What a label or metric name may look like, under the two validation schemes of Prometheus 3.

export type NameScheme = 'utf8' | 'legacy'

/** Any text that is not empty, or `[a-zA-Z_][a-zA-Z0-9_]*` when legacy. */
export function isLabelName(name: string, scheme: NameScheme = 'utf8'): boolean {
  return scheme === 'legacy' ? /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) : name !== '' && name.isWellFormed()
}

/** Any text that is not empty, or `[a-zA-Z_:][a-zA-Z0-9_:]*` when legacy. */
export function isMetricName(name: string, scheme: NameScheme = 'utf8'): boolean {
  return scheme === 'legacy' ? /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name) : name !== '' && name.isWellFormed()
}
