// The label set, the word every area shares for "which series". Plain data: hot paths never hold one of these, they hold
// a series ref and ask for labels when a person or a rule has to see them.

export type Label = { readonly name: string; readonly value: string }

/** Sorted by name in byte order, names unique, no empty value. */
export type Labels = readonly Label[]

export const metricNameLabel = '__name__'

/** What is known of the metric, where it was asked for, see ingest/exposition/metadata/typeAndUnit.ts. */
export const typeLabel = '__type__'
export const unitLabel = '__unit__'

/** Orders two strings as their UTF-8 bytes order, which JavaScript's `<` does not for characters beyond U+FFFF. */
export function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return surrogatesLast(x) - surrogatesLast(y)
  }
  return a.length - b.length
}

/** Sorts `texts` by `compareBytes`, in place. */
export function sortByBytes(texts: string[]): string[] {
  // Below the surrogates both orders are the same, and the engine's own is several times faster.
  return texts.some((text) => /[\ud800-\uffff]/.test(text)) ? texts.sort(compareBytes) : texts.sort()
}

/** A UTF-16 code unit on a scale where surrogates (characters beyond U+FFFF) come after everything else. */
function surrogatesLast(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}

/** Makes a label set of an object: sorts by name, drops empty values. */
export function labelsFrom(object: Readonly<Record<string, string>>): Labels {
  return sortLabels(Object.entries(object).map(([name, value]) => ({ name, value })))
}

/** Sorts by name and drops empty values. Names must be unique. */
export function sortLabels(labels: readonly Label[]): Labels {
  return labels.filter((label) => label.value !== '').sort((a, b) => compareBytes(a.name, b.name))
}

/** By name. */
export function labelsToObject(labels: Labels): Record<string, string> {
  const object: Record<string, string> = {}
  for (const { name, value } of labels) object[name] = value
  return object
}

/** The value of label `name`, `''` when the set does not have it. */
export function labelValue(labels: Labels, name: string): string {
  for (const label of labels) if (label.name === name) return label.value
  return ''
}

/** A text that is the same for equal label sets and different for others. For map keys, not for people. */
export function labelsKey(labels: Labels): string {
  let key = ''
  for (const { name, value } of labels) key += `${name}\xff${value}\xff`
  return key
}

/** Orders label sets as Prometheus does: name by name, value by value, a prefix before what it begins. */
export function compareLabels(a: Labels, b: Labels): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a[i] as Label // i < length of both
    const y = b[i] as Label
    if (x.name !== y.name) return compareBytes(x.name, y.name)
    if (x.value !== y.value) return compareBytes(x.value, y.value)
  }
  return a.length - b.length
}

/** `name{a="b", c="d"}`, as Prometheus prints a series in messages. */
export function formatLabels(labels: Labels): string {
  const name = labelValue(labels, metricNameLabel)
  const rest = labels.filter((label) => label.name !== metricNameLabel)
  if (name !== '' && rest.length === 0) return name
  return `${name}{${rest.map((label) => `${label.name}=${JSON.stringify(label.value)}`).join(', ')}}`
}
