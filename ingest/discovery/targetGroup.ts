// The target group, what every discovery finds, and its list form in files and HTTP answers.

import { parse } from 'yaml'
import { errorText } from '../../src/base/assert.ts'

export type TargetGroup = {
  /** Names the group among those of one discovery, for people. */
  readonly source: string
  /** One label set per target; `__address__` is where it is. */
  readonly targets: readonly Readonly<Record<string, string>>[]
  /** For targets that do not have them. */
  readonly labels: Readonly<Record<string, string>>
}

/**
 * Reads `[{targets: [...], labels: {...}}, ...]`. `source` names the document; each group also gets `extraLabels`.
 * Throws an error that says what is wrong.
 */
export function parseTargetGroups(
  text: string,
  format: 'json' | 'yaml',
  source: string,
  extraLabels: Readonly<Record<string, string>>,
): TargetGroup[] {
  // In YAML a port or a number as label value is text, in JSON it is not.
  const document: unknown = format === 'json' ? JSON.parse(text) : parse(text, { schema: 'failsafe' })
  if (document === null || document === '' || document === undefined) return []
  if (!Array.isArray(document)) throw new Error('expected a list of target groups')
  return document.map((item: unknown, index) => {
    try {
      return readGroup(item, `${source}:${index}`, extraLabels)
    } catch (error) {
      throw new Error(`target group ${index}: ${errorText(error)}`)
    }
  })
}

function readGroup(item: unknown, source: string, extraLabels: Readonly<Record<string, string>>): TargetGroup {
  if (!isRecord(item)) throw new Error(item === null ? 'nil target group item found' : 'expected an object with "targets" and "labels"')
  for (const key of Object.keys(item))
    if (key !== 'targets' && key !== 'labels') throw new Error(`unknown field "${key}", expected "targets" or "labels"`)
  const targets: unknown = item['targets'] ?? []
  const labels: unknown = item['labels'] ?? {}
  if (!Array.isArray(targets)) throw new Error('"targets" must be a list of addresses')
  if (!isRecord(labels)) throw new Error('"labels" must be a map of texts')
  const read: Record<string, string> = {}
  for (const [name, value] of Object.entries(labels)) {
    if (typeof value !== 'string') throw new Error(`label "${name}" must be a text`)
    read[name] = value
  }
  return {
    source,
    targets: targets.map((target: unknown) => {
      if (typeof target !== 'string') throw new Error('"targets" must be a list of addresses')
      return { __address__: target }
    }),
    labels: { ...read, ...extraLabels },
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
