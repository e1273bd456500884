// --enable-feature=type-and-unit-labels: what the metadata of a metric says of it, as labels of its series. They are put in
// before relabelling, in place of labels of these names that came with the sample.

import { labelValue, metricNameLabel, typeLabel, unitLabel, type Label } from '../../../storage/model/labels.ts'
import type { MetadataLine } from './targetMetadata.ts'

/** `''` is what is not known. */
export type TypeAndUnit = { readonly type: string; readonly unit: string }

/** What a body says of its metrics, by their names. */
export type Families = ReadonlyMap<string, TypeAndUnit>

const nothingKnown: TypeAndUnit = { type: '', unit: '' }

/** HELP lines say nothing here. */
export function familiesOf(lines: readonly MetadataLine[]): Families {
  const families = new Map<string, TypeAndUnit>()
  for (const { kind, name, text } of lines) if (kind !== 'help') families.set(name, { ...(families.get(name) ?? nothingKnown), [kind]: text })
  return families
}

/** What is behind the name of the metric in those of its series. */
const memberSuffix = /_(?:total|bucket|sum|count|gsum|gcount|created|info)$/

/** Of the series `name`. */
function familyOf(name: string, families: Families): TypeAndUnit {
  return families.get(name) ?? families.get(name.replace(memberSuffix, '')) ?? nothingKnown
}

/** Puts the labels in place of those of the same names; what is not known gets none. The result is not sorted. */
export function withTypeAndUnit(labels: readonly Label[], { type, unit }: TypeAndUnit): Label[] {
  const others = labels.filter(({ name }) => name !== typeLabel && name !== unitLabel)
  const isKnown = type !== '' && type !== 'unknown' && type !== 'untyped'
  return [...others, ...(isKnown ? [{ name: typeLabel, value: type }] : []), ...(unit === '' ? [] : [{ name: unitLabel, value: unit }])]
}

/** The same for labels among which is the name of the series. `familyType` is what there is when the body does not bring families. */
export function withFamily(labels: readonly Label[], families: Families | undefined, familyType: string): Label[] {
  return withTypeAndUnit(labels, families === undefined ? { type: familyType, unit: '' } : familyOf(labelValue(labels, metricNameLabel), families))
}
