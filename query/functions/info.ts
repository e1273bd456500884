// `info()`: adds labels of info metrics (`target_info` and kin) to the series of the same target. Which info series a series
// meets can change from step to step; each combination that occurs becomes one series of the result.

import { labelValue, metricNameLabel, type Labels } from '../../storage/model/labels.ts'
import { createMatcher, matchesEmpty, type Matcher } from '../../storage/model/matcher.ts'
import type { CallExpr } from '../language/ast.ts'
import { QueryError } from '../queryError.ts'
import { setLabel } from '../values/labelProjection.ts'
import { formatSeries, joinEqualSeries } from '../values/labelSets.ts'
import { newColumns, type VectorSeries } from '../values/value.ts'

const identifyingLabels = ['instance', 'job']

/** What the second argument asks for. */
export type InfoRequest = {
  /** Choose the info series. */
  readonly names: readonly Matcher[]
  /** Choose among them by their other labels; when there are any, only the labels they name are added. */
  readonly data: readonly Matcher[]
}

/** Without a name, info series are those of `target_info`. */
export function infoRequestOf(call: CallExpr): InfoRequest {
  const selector = call.args[1]
  const matchers = selector?.kind === 'vectorSelector' ? selector.matchers : [] // checked by the parser
  const names = matchers.filter((matcher) => matcher.name === metricNameLabel)
  const data = matchers.filter((matcher) => matcher.name !== metricNameLabel)
  if (names.length === 0) return { names: [createMatcher(metricNameLabel, '=', 'target_info')], data }
  const excludesOnly = names.every(({ op }) => op === '!=' || op === '!~')
  return { names: excludesOnly ? [...names, createMatcher(metricNameLabel, '=~', '.+_info')] : names, data }
}

/** The values of `infos` are the times of their samples, in seconds: of two for one target, the newer counts. */
export function addInfo(base: readonly VectorSeries[], infos: readonly VectorSeries[], request: InfoRequest, stepCount: number): readonly VectorSeries[] {
  const byTarget = infosByTarget(infos)
  const needsInfo = !request.data.every(matchesEmpty)
  const results: VectorSeries[] = []
  for (const series of base) {
    const name = labelValue(series.labels, metricNameLabel)
    if (request.names.every((matcher) => matcher.matches(name))) {
      results.push(series)
      continue
    }
    const target = targetOf(series.labels)
    const candidates = (target === undefined ? undefined : byTarget.get(target)) ?? []
    results.push(...enriched(series, { candidates, request, needsInfo, stepCount }))
  }
  return joinEqualSeries(results)
}

type Target = { readonly candidates: readonly (readonly VectorSeries[])[]; readonly request: InfoRequest; readonly needsInfo: boolean; readonly stepCount: number }

function enriched(series: VectorSeries, { candidates, request, needsInfo, stepCount }: Target): readonly VectorSeries[] {
  const byLabels = new Map<string, VectorSeries | undefined>()
  for (let step = 0; step < stepCount; step++) {
    if (series.present[step] === 0) continue
    const found = candidates.map((ofOneName) => newestAt(ofOneName, step))
    const key = found.join()
    if (!byLabels.has(key)) {
      const infos = found.flatMap((index, i) => (index < 0 ? [] : [(candidates[i]?.[index] as VectorSeries).labels])) // an index into that list
      const added = labelsToAdd(series.labels, infos, request)
      byLabels.set(key, added.length === 0 && needsInfo ? undefined : { ...series, labels: added.reduce(addLabel, series.labels), ...newColumns(stepCount) })
    }
    const column = byLabels.get(key)
    if (column === undefined) continue
    column.values[step] = series.values[step] as number // one entry per step
    column.present[step] = 1
  }
  return [...byLabels.values()].filter((column) => column !== undefined)
}

const addLabel = (labels: Labels, { name, value }: Labels[number]) => setLabel(labels, name, value)

function labelsToAdd(base: Labels, infos: readonly Labels[], { data }: InfoRequest): Labels {
  const added = new Map<string, string>()
  for (const { name, value } of infos.flat()) {
    if (name === metricNameLabel) continue
    if (data.length > 0 && !data.some((matcher) => matcher.name === name)) continue
    if ((added.get(name) ?? value) !== value) throw new QueryError('execution', `conflicting label: ${name}`)
    if (labelValue(base, name) === '') added.set(name, value)
  }
  return [...added].map(([name, value]) => ({ name, value }))
}

/** The index of the one with the newest sample at a step, -1 if none is there. */
function newestAt(infos: readonly VectorSeries[], step: number): number {
  let newest = -1
  infos.forEach((info, i) => {
    if (info.present[step] === 0) return
    const known = infos[newest]
    const seconds = info.values[step] as number // one entry per step
    const knownSeconds = known?.values[step] ?? -Infinity
    if (known !== undefined && knownSeconds === seconds) throw duplicateInfo(known, info, seconds)
    if (seconds > knownSeconds) newest = i
  })
  return newest
}

function duplicateInfo(known: VectorSeries, other: VectorSeries, seconds: number): QueryError {
  const at = Math.round(seconds * 1000)
  return new QueryError('execution', `found duplicate series for info metric: existing ${formatSeries(known.labels)} @ ${at}, new ${formatSeries(other.labels)} @ ${at}`)
}

/** Per target the info series, those of one name together. */
function infosByTarget(infos: readonly VectorSeries[]): ReadonlyMap<string, readonly (readonly VectorSeries[])[]> {
  const byTarget = new Map<string, Map<string, VectorSeries[]>>()
  for (const info of infos) {
    const target = targetOf(info.labels)
    if (target === undefined) continue
    const names = byTarget.get(target) ?? new Map<string, VectorSeries[]>()
    byTarget.set(target, names)
    const name = labelValue(info.labels, metricNameLabel)
    const ofName = names.get(name) ?? []
    names.set(name, ofName)
    ofName.push(info)
  }
  return new Map([...byTarget].map(([target, names]) => [target, [...names.values()]]))
}

/** `undefined` for a series that belongs to no target. */
function targetOf(labels: Labels): string | undefined {
  const values = identifyingLabels.map((name) => labelValue(labels, name))
  return values.every((value) => value === '') ? undefined : values.join('\xff')
}
