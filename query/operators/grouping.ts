// The series of a selection in the order of their groups: which aggregation they belong to is looked up once for as long as
// storage selects the same series, not once per query.

import type { Labels } from '../../storage/model/labels.ts'
import type { SeriesSelection } from '../../storage/querier/querier.ts'
import type { LabelProjection } from '../values/labelProjection.ts'
import { dropMetricName } from '../values/labelSets.ts'

export type Grouping = {
  readonly groups: readonly Labels[]
  /** In the order of the groups, within a group as selected. */
  readonly refs: Uint32Array
  /** By the place in `refs`, ascending: the groups of runs of series, and where each run ends. No run is long. */
  readonly runGroups: Int32Array
  readonly runEnds: Int32Array
}

type Known = { readonly named: WeakMap<LabelProjection, Grouping>; readonly nameless: WeakMap<LabelProjection, Grouping> }

/** By the list of refs, which is the same object when it is the same list. */
const known = new WeakMap<Uint32Array, Known>()

/** `keepsName`: whether the metric's name is still there when groups are made. */
export function groupingOf(selection: SeriesSelection, projection: LabelProjection, keepsName: boolean, longestRun: number): Grouping {
  let ofRefs = known.get(selection.refs)
  if (ofRefs === undefined) known.set(selection.refs, (ofRefs = { named: new WeakMap(), nameless: new WeakMap() }))
  const cache = keepsName ? ofRefs.named : ofRefs.nameless
  let grouping = cache.get(projection)
  if (grouping === undefined) cache.set(projection, (grouping = createGrouping(selection, projection, keepsName, longestRun)))
  return grouping
}

function createGrouping(selection: SeriesSelection, projection: LabelProjection, keepsName: boolean, longestRun: number): Grouping {
  const { count } = selection
  const numbers = new Map<string, number>()
  const groups: Labels[] = []
  const sizes: number[] = []
  const groupOf = new Int32Array(count)
  for (let i = 0; i < count; i++) {
    const labels = keepsName ? selection.labels(i) : dropMetricName(selection.labels(i))
    const key = projection.key(labels)
    let group = numbers.get(key)
    if (group === undefined) {
      group = groups.length
      numbers.set(key, group)
      groups.push(projection.project(labels))
      sizes.push(0)
    }
    groupOf[i] = group
    sizes[group] = (sizes[group] as number) + 1
  }
  const next: number[] = []
  const runGroups: number[] = []
  const runEnds: number[] = []
  let end = 0
  sizes.forEach((size, group) => {
    next.push(end)
    for (let left = size; left > 0; left -= longestRun) {
      end += Math.min(left, longestRun)
      runGroups.push(group)
      runEnds.push(end)
    }
  })
  const refs = new Uint32Array(count)
  for (let i = 0; i < count; i++) {
    const group = groupOf[i] as number
    const at = next[group] as number
    refs[at] = selection.refs[i] as number
    next[group] = at + 1
  }
  return { groups, refs, runGroups: Int32Array.from(runGroups), runEnds: Int32Array.from(runEnds) }
}
