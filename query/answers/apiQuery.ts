// Answers to instant and range queries: the checks of the request that need the parsed query, the evaluation, and the result
// as JSON. Also the same evaluation for rules, which take values instead of bytes.

import { unreachable } from '../../src/base/assert.ts'
import type { NativeHistogram } from '../../storage/model/histogram.ts'
import type { Labels } from '../../storage/model/labels.ts'
import type { HistogramColumn } from '../../storage/model/sample.ts'
import type { Querier } from '../../storage/querier/querier.ts'
import { evaluateQuery, sortedMatrix, type EngineDeps, type Query, type QueryResult } from '../engine/engine.ts'
import type { ResultCache, StorageMoment } from '../engine/resultCache.ts'
import { presentNumbers } from '../histograms/columns.ts'
import { histogramJson } from '../histograms/text.ts'
import { formatPlainDecimal, formatTimestamp } from '../language/numberText.ts'
import { parseQuery, type ParseFeatures } from '../language/parse.ts'
import { valueTypeOf } from '../language/typecheck.ts'
import type { Limits } from '../limits.ts'
import type { Share } from '../parallel/crew.ts'
import type { SharedWork } from '../parallel/sharedWork.ts'
import { explain } from '../plan/explain.ts'
import { invalidParameter, namingParameter, QueryError } from '../queryError.ts'
import type { ColumnSpace } from '../values/columnSpace.ts'
import type { MatrixSeries, VectorSeries } from '../values/value.ts'
import { escapedJson, type InstantRequest, type QueryParams, type RangeRequest } from './api.ts'
import type { EngineSettings, Evaluated, EvaluateRequest, JobCost, JobSettings } from './job.ts'
import { JsonBytes, resultStart } from './jsonBytes.ts'
import { PointPrinter } from './pointPrinter.ts'
import { statsJson } from './queryStats.ts'

/** What a worker has at hand for every job. */
export type JobDeps = {
  readonly querier: Querier
  readonly space: ColumnSpace
  readonly features: ParseFeatures
  readonly settings: EngineSettings & JobSettings
  readonly limits: Limits
  /** Earlier results and the moment from which on this job's count; without them range queries are evaluated whole. */
  readonly results?: ResultCache
  readonly moment?: StorageMoment
  readonly share: Share<SharedWork>
}

export type Answered = { readonly json: JsonBytes; readonly cost: JobCost }

/** More points per series than any screen shows; one more than this many steps is allowed. */
const maxStepsBetween = 11_000

const truncated = 'results truncated due to limit'

/** Throws `QueryError`. */
export function answerInstant(request: InstantRequest, deps: JobDeps): Answered {
  const startedMs = performance.now()
  const { timeMs } = request
  const query = { text: request.query, expr: parsedQuery(request.query, deps), startMs: timeMs, endMs: timeMs, stepMs: 0 }
  const result = evaluateQuery(query, engineDeps(request, deps))
  const evaluatedMs = performance.now()
  const limit = request.limit ?? 0
  const json = new JsonBytes({ maxBytes: deps.settings.maxResultBytes })
  let isTruncated = false
  const { value } = result
  switch (value.kind) {
    case 'scalar':
      json.raw(`${resultStart('scalar')}[${timeMs / 1000},"${formatPlainDecimal(value.values[0] ?? NaN)}"]`)
      break
    case 'string':
      json.raw(`${resultStart('string')}[${timeMs / 1000},`).string(value.text).raw(']')
      break
    case 'vector': {
      const series = value.series.filter((one) => one.present[0] === 1)
      isTruncated = limit > 0 && series.length > limit
      writeVector(json.raw(resultStart('vector')), isTruncated ? series.slice(0, limit) : series, timeMs)
      break
    }
    case 'matrix':
      isTruncated = limit > 0 && value.series.length > limit
      writeRawMatrix(json.raw(resultStart('matrix')), isTruncated ? value.series.slice(0, limit) : value.series)
      break
    default:
      return unreachable(value)
  }
  return finish({ request, query, result, deps, json, isTruncated, startedMs, evaluatedMs, sortMs: 0 })
}

/** Series in the order of their labels. Throws `QueryError`. */
export function answerRange(request: RangeRequest, deps: JobDeps): Answered {
  const startedMs = performance.now()
  checkRange(request)
  const { startMs, endMs, stepMs } = request
  const query = { text: request.query, expr: parsedQuery(request.query, deps), startMs, endMs, stepMs }
  const type = valueTypeOf(query.expr)
  if (type !== 'scalar' && type !== 'vector') {
    const shown = type === 'matrix' ? 'range vector' : type
    throw invalidParameter('query', `invalid expression type ${JSON.stringify(shown)} for range query, must be Scalar or instant Vector`)
  }
  const result = evaluateRange(query, request, deps)
  const evaluatedMs = performance.now()
  const series = sortedMatrix(result.value)
  const sortMs = performance.now() - evaluatedMs
  const limit = request.limit ?? 0
  const isTruncated = limit > 0 && series.length > limit
  const json = new JsonBytes({ capacity: 64 * 1024, maxBytes: deps.settings.maxResultBytes }).raw(resultStart('matrix'))
  writeMatrix(json, isTruncated ? series.slice(0, limit) : series, result, deps)
  return finish({ request, query, result, deps, json, isTruncated, startedMs, evaluatedMs, sortMs })
}

/** Whoever wants to know what it cost gets the whole evaluation. */
function evaluateRange(query: Query, request: RangeRequest, deps: JobDeps): QueryResult {
  const { results, moment } = deps
  const isWhole = request.nocache === true || request.explain === true || (request.stats ?? 'none') !== 'none'
  if (results === undefined || moment === undefined || isWhole) return evaluateQuery(query, engineDeps(request, deps))
  return results.evaluate(query, engineDeps(request, deps), moment)
}

/** For rules and templates. */
export function evaluateForRule(request: EvaluateRequest, deps: JobDeps): { readonly evaluated: Evaluated; readonly cost: JobCost } {
  const startedMs = performance.now()
  const { timeMs, query: text } = request
  const query = { text, expr: parseQuery(text, deps.features, () => deps.limits.check()), startMs: timeMs, endMs: timeMs, stepMs: 0 }
  const result = evaluateQuery(query, engineDeps(request, deps))
  const cost = costOf(result, deps.limits, { elapsedMs: performance.now() - startedMs, sortMs: 0 })
  const notes = { warnings: result.annotations.warnings(text), infos: result.annotations.infos(text) }
  const { value } = result
  switch (value.kind) {
    case 'scalar':
      return { evaluated: { value: { kind: 'scalar', value: value.values[0] ?? NaN }, ...notes }, cost }
    case 'string':
      return { evaluated: { value, ...notes }, cost }
    case 'vector': {
      const series = value.series.filter((one) => one.present[0] === 1)
      const labels: Labels[] = series.map((one) => one.labels)
      const values = Float64Array.from(series, (one) => one.values[0] ?? NaN)
      const hasHistograms = series.some((one) => one.histograms?.[0] !== undefined)
      const histograms = hasHistograms && { histograms: series.map((one) => one.histograms?.[0]) }
      return { evaluated: { value: { kind: 'vector', labels, values, ...histograms }, ...notes }, cost }
    }
    case 'matrix':
      throw new QueryError('execution', 'rule result is not a vector or scalar')
    default:
      return unreachable(value)
  }
}

/** The tree of the parameter `query`. */
export function parsedQuery(text: string, { features, limits }: JobDeps): Query['expr'] {
  return namingParameter('query', () => parseQuery(text, features, () => limits.check()))
}

/** Throws what a range query is refused with, whatever its text. */
export function checkRange({ startMs, endMs, stepMs }: RangeRequest): void {
  if (endMs < startMs) throw invalidParameter('end', 'end timestamp must not be before start time')
  if (stepMs <= 0) {
    throw invalidParameter('step', 'zero or negative query resolution step widths are not accepted. Try a positive integer')
  }
  if (Math.floor((endMs - startMs) / stepMs) > maxStepsBetween) {
    const text = 'exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)'
    throw new QueryError('bad_data', text)
  }
}

function engineDeps(request: Pick<QueryParams, 'lookbackMs' | 'stats'>, deps: JobDeps): EngineDeps {
  const { querier, space, limits, share, settings } = deps
  const { maxSamples, evaluationIntervalMs } = settings
  const countsPerStep = request.stats === 'all' && deps.features.has('promql-per-step-stats')
  const delaysNameRemoval = deps.features.has('promql-delayed-name-removal')
  const usesStarts = deps.features.has('use-start-timestamps')
  const lookbackMs = request.lookbackMs ?? settings.lookbackMs
  return { querier, space, limits, share, maxSamples, evaluationIntervalMs, countsPerStep, delaysNameRemoval, usesStarts, lookbackMs }
}

function writeVector(json: JsonBytes, series: readonly VectorSeries[], timeMs: number): void {
  json.raw('[')
  series.forEach(({ labels, values, histograms }, i) => {
    json.raw(i === 0 ? '{"metric":' : ',{"metric":').labels(labels)
    const histogram = histograms?.[0]
    if (histogram === undefined) json.raw(',"value":').sample(timeMs, values[0] ?? NaN).raw('}')
    else json.raw(`,"histogram":${histogramPoint(timeMs, histogram)}}`)
  })
  json.raw(']')
}

function writeMatrix(json: JsonBytes, series: readonly VectorSeries[], { steps }: QueryResult, { space, share, limits }: JobDeps): void {
  const printer = new PointPrinter({ space, share, check: () => limits.check() }, steps)
  const numbers = series.map(({ values, present, histograms }) => ({ values, present: histograms === undefined ? present : presentNumbers(present, histograms) }))
  json.raw('[')
  printer.print(numbers, (i, points) => {
    const { labels, present, histograms } = series[i] as VectorSeries // as many as numbers
    json.raw(i === 0 ? '{"metric":' : ',{"metric":').labels(labels)
    if (points.length > 0) json.raw(',"values":[').bytes(points).raw(']')
    writeHistograms(json, histograms, (step) => (present[step] === 1 ? steps.startMs + step * steps.stepMs : undefined))
    json.raw('}')
  })
  json.raw(']')
}

function writeRawMatrix(json: JsonBytes, series: readonly MatrixSeries[]): void {
  json.raw('[')
  series.forEach(({ labels, timestampsMs, values, histograms }, i) => {
    json.raw(i === 0 ? '{"metric":' : ',{"metric":').labels(labels)
    const numbers = [...values.keys()].filter((at) => histograms?.[at] === undefined)
    if (histograms === undefined || numbers.length > 0) {
      json.raw(',"values":[')
      numbers.forEach((at, place) => json.raw(place === 0 ? '' : ',').sample(timestampsMs[at] ?? NaN, values[at] ?? NaN))
      json.raw(']')
    }
    writeHistograms(json, histograms, (at) => timestampsMs[at])
    json.raw('}')
  })
  json.raw(']')
}

/** The key `histograms` with those that have a time; nothing when there is none. */
function writeHistograms(json: JsonBytes, histograms: HistogramColumn | undefined, timeMsOf: (index: number) => number | undefined): void {
  let before = ',"histograms":['
  histograms?.forEach((histogram, index) => {
    const timeMs = timeMsOf(index)
    if (histogram === undefined || timeMs === undefined) return
    json.raw(before).raw(histogramPoint(timeMs, histogram))
    before = ','
  })
  if (before === ',') json.raw(']')
}

function histogramPoint(timeMs: number, histogram: NativeHistogram): string {
  return `[${formatTimestamp(timeMs)},${histogramJson(histogram)}]`
}

type Finishing = {
  readonly request: QueryParams
  readonly query: Query
  readonly result: QueryResult
  readonly deps: JobDeps
  readonly json: JsonBytes
  readonly isTruncated: boolean
  readonly startedMs: number
  readonly evaluatedMs: number
  readonly sortMs: number
}

/** Closes `data` and the envelope: statistics, the plan, warnings, infos. */
function finish({ request, query, result, deps, json, isTruncated, startedMs, evaluatedMs, sortMs }: Finishing): Answered {
  const cost = costOf(result, deps.limits, { elapsedMs: evaluatedMs - startedMs, sortMs })
  if (request.stats !== undefined && request.stats !== 'none') json.raw(',"stats":').raw(statsJson({ cost, queueSeconds: deps.settings.queueSeconds, perStep: perStepText(result) }))
  if (request.explain === true) json.raw(',"explain":').utf8(escapedJson(JSON.stringify(explain(result.plan))))
  json.raw('}')
  const warnings = [...(request.warnings ?? []), ...result.annotations.warnings(query.text)]
  if (isTruncated) warnings.push(truncated)
  const infos = result.annotations.infos(query.text)
  if (warnings.length > 0) json.raw(',"warnings":').strings(warnings)
  if (infos.length > 0) json.raw(',"infos":').strings(infos)
  json.raw('}')
  return { json, cost }
}

function costOf(result: QueryResult, limits: Limits, { elapsedMs, sortMs }: { readonly elapsedMs: number; readonly sortMs: number }): JobCost {
  return {
    samples: result.samplesRead,
    peakSamples: limits.peakSamples,
    prepareSeconds: result.prepareMs / 1000,
    evalSeconds: Math.max(0, elapsedMs - result.prepareMs) / 1000,
    sortSeconds: sortMs / 1000,
    ...(result.reusedSteps !== undefined && { reusedSteps: result.reusedSteps }),
  }
}

function perStepText({ steps, samplesReadPerStep }: QueryResult): string | undefined {
  if (samplesReadPerStep === undefined) return undefined
  return `[${Array.from(samplesReadPerStep, (count, i) => `[${formatTimestamp(steps.startMs + i * steps.stepMs)},${count}]`).join(',')}]`
}
