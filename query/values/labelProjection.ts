// The part of a label set that an aggregation groups by or a binary operator matches on. Each label set is projected once
// per thread and list of labels, not once per step or query, because the same series are asked for again and again.

import { compareBytes, metricNameLabel, type Label, type Labels } from '../../storage/model/labels.ts'
import { cachedLabelsKey, isMetadataLabel, nameStateLabel } from './labelSets.ts'

export type LabelProjection = {
  /** The part that counts. Equal parts may be different objects; compare by `cachedLabelsKey`. */
  project(labels: Labels): Labels
  /** The same as text, equal for equal parts. */
  key(labels: Labels): string
}

/** `keep`: only the named labels (`by`, `on`). Else all but these and the metric's name (`without`, `ignoring`). */
export function labelProjection(names: readonly string[], keep: boolean): LabelProjection {
  const cacheKey = `${keep ? '+' : '-'}${names.join('\xff')}`
  let projection = projections.get(cacheKey)
  if (projection === undefined) {
    projection = createProjection(names, keep)
    if (projections.size >= keptProjections) projections.clear()
    projections.set(cacheKey, projection)
  }
  return projection
}

/** Queries that list labels in ever new ways would otherwise keep their label sets forever. */
const keptProjections = 200
const projections = new Map<string, LabelProjection>()

function createProjection(names: readonly string[], keep: boolean): LabelProjection {
  const listed = new Set(names)
  if (listed.has(metricNameLabel)) listed.add(nameStateLabel)
  const passes = keep ? (label: Label) => listed.has(label.name) : (label: Label) => !listed.has(label.name) && !isMetadataLabel(label.name)
  const projected = new WeakMap<Labels, Labels>()
  const project = (labels: Labels): Labels => {
    let part = projected.get(labels)
    if (part === undefined) {
      part = labels.every(passes) ? labels : labels.filter(passes)
      projected.set(labels, part)
    }
    return part
  }
  return { project, key: (labels) => cachedLabelsKey(project(labels)) }
}

/** The set with `name` set to `value`, or without it when the value is empty. */
export function setLabel(labels: Labels, name: string, value: string): Labels {
  const rest = labels.filter((label) => label.name !== name)
  // A name that is set on purpose stays.
  if (name === metricNameLabel && rest[0]?.name === nameStateLabel) rest[0] = { name: nameStateLabel, value: 'keep' }
  if (value === '') return rest
  let at = rest.findIndex((label) => compareBytes(label.name, name) > 0)
  if (at < 0) at = rest.length
  rest.splice(at, 0, { name, value })
  return rest
}
