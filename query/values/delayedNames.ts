// The feature `promql-delayed-name-removal`: metric names stay until the end of the query where they would be dropped on the
// way. Every label set of a selector gets one more label that says what becomes of its name; dropping the name changes that
// label, and the end of the query acts on it. So operators and functions work as they always do.

import type { Labels } from '../../storage/model/labels.ts'
import type { SeriesSelection } from '../../storage/querier/querier.ts'
import { dropMetricName, joinEqualSeries, nameStateLabel } from './labelSets.ts'
import type { Value } from './value.ts'

const kept = new WeakMap<Labels, Labels>()

function withNameState(labels: Labels): Labels {
  let marked = kept.get(labels)
  if (marked === undefined) {
    marked = [{ name: nameStateLabel, value: 'keep' }, ...labels]
    kept.set(labels, marked)
  }
  return marked
}

/** The same selection, with each series told to keep its name. */
export function withNameStates(selection: SeriesSelection): SeriesSelection {
  const { count, refs, hasHistograms } = selection
  return {
    count,
    refs,
    hasHistograms,
    labels: (index) => withNameState(selection.labels(index)),
    ref: (index) => selection.ref(index),
    read: (index) => selection.read(index),
    readStarts: (index) => selection.readStarts?.(index),
  }
}

/** Removes the names that were to be dropped, and the marks. Throws when two series of a step differ in such a name only. */
export function withFinalNames(value: Value): Value {
  switch (value.kind) {
    case 'vector':
      return { kind: 'vector', series: joinEqualSeries(value.series.map((one) => ({ ...one, labels: finalLabels(one.labels) }))) }
    case 'matrix':
      return { kind: 'matrix', series: value.series.map((one) => ({ ...one, labels: finalLabels(one.labels) })) }
    default:
      return value
  }
}

function finalLabels(labels: Labels): Labels {
  const [first, ...rest] = labels
  if (first?.name !== nameStateLabel) return labels
  return first.value === 'keep' ? rest : dropMetricName(rest)
}
