// Results of range queries that are asked again a moment later, as dashboards do: the steps before anything that was
// written since are taken from the answer before, only the others are evaluated. Within one worker and a limit of memory;
// what has gone unasked for longest goes first.

import { unchangedBeforeMs, type Changes } from '../../storage/head/changes.ts'
import { typeLabel, unitLabel } from '../../storage/model/labels.ts'
import type { Querier } from '../../storage/querier/querier.ts'
import type { Expr } from '../language/ast.ts'
import { selectorsIn } from '../language/selectors.ts'
import { lookaheadOf } from '../plan/stepwise.ts'
import { copyOf } from '../values/columnSpace.ts'
import { areOfOneMetric, cachedLabelsKey } from '../values/labelSets.ts'
import type { VectorSeries } from '../values/value.ts'
import { evaluateQuery, type EngineDeps, type Query, type QueryResult } from './engine.ts'

/** The state of storage when a query began. */
export type StorageMoment = {
  readonly changes: Changes
  /** Of the partitions: another one when samples may have been deleted. */
  readonly generation: number
}

type Kept = {
  readonly startMs: number
  readonly count: number
  readonly sequence: number
  readonly generation: number
  /** By the key of their labels; each has at least one point. */
  readonly series: ReadonlyMap<string, VectorSeries>
  readonly bytes: number
}

/** Values from the buckets of downsampled days are not those from samples, to the last bit. */
type Keeping = { readonly query: Query; readonly result: QueryResult; readonly moment: StorageMoment; readonly hadBuckets: boolean }

/** Below this share of the steps a result is evaluated whole. */
const leastShare = 0.25
/** What a result takes besides its series and the text of its query. */
const resultBytes = 300
/** What a series takes besides its points. */
const seriesBytes = 200
const pointBytes = 9

export class ResultCache {
  readonly #maxBytes: number
  /** The one unasked for longest first. */
  readonly #kept = new Map<string, Kept>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** As `evaluateQuery`, of a range query. */
  evaluate(query: Query, deps: EngineDeps, moment: StorageMoment): QueryResult {
    const lookaheadMs = lookaheadOf(query.expr)
    if (lookaheadMs === undefined || hasMixedMetadata(query.expr, deps.querier)) return evaluateQuery(query, deps)
    const { startMs, stepMs } = query
    const phaseMs = ((startMs % stepMs) + stepMs) % stepMs
    const key = [stepMs, phaseMs, deps.lookbackMs, deps.evaluationIntervalMs, query.text].join()
    const kept = this.#take(key)
    const result = (kept && continued(kept, { query, deps, moment, lookaheadMs })) ?? evaluateQuery(query, deps)
    this.#keep(key, { query, result, moment, hadBuckets: deps.querier.hadBuckets() })
    return result
  }

  #take(key: string): Kept | undefined {
    const kept = this.#kept.get(key)
    if (kept === undefined) return undefined
    this.#kept.delete(key)
    this.#bytes -= kept.bytes
    return kept
  }

  #keep(key: string, { query: { startMs }, result: { value, steps, annotations }, moment, hadBuckets }: Keeping): void {
    const { changes, generation } = moment
    if (value.kind !== 'vector' || !annotations.isEmpty || hadBuckets) return
    const { count } = steps
    const bytes = resultBytes + key.length + value.series.length * (seriesBytes + pointBytes * count)
    if (bytes > this.#maxBytes / 4) return
    const series = new Map<string, VectorSeries>()
    for (const { labels, values, present, histograms } of value.series) {
      const labelsKey = cachedLabelsKey(labels)
      if (histograms !== undefined || series.has(labelsKey)) return
      // Copies: what a result lies in may be used again, or be much larger.
      if (present.includes(1)) series.set(labelsKey, { labels, ...copyOf({ values, present }) })
    }
    this.#kept.set(key, { startMs, count, sequence: changes.sequence, generation, series, bytes })
    this.#bytes += bytes
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#maxBytes) break
      this.#take(oldest)
    }
  }
}

const allTime = { minTimeMs: -Infinity, maxTimeMs: Infinity }

/**
 * Whether a selector meets series of different type or unit. What drops these with the name makes one series of two then, which is
 * an error of the whole range, and would not be seen when one part of it has the one and another part the other.
 */
function hasMixedMetadata(expr: Expr, querier: Querier): boolean {
  if (![typeLabel, unitLabel].some((name) => querier.labelValues(name, [], allTime, 1).length > 0)) return false
  return selectorsIn(expr).some(({ matchers }) => {
    const selection = querier.select(matchers, allTime)
    return !areOfOneMetric(selection.count, (index) => selection.labels(index))
  })
}

type Continuing = { readonly query: Query; readonly deps: EngineDeps; readonly moment: StorageMoment; readonly lookaheadMs: number }

/** The result with the steps of `kept` that still hold; `undefined` when too few do, or when the others are not all numbers without notes. */
function continued(kept: Kept, { query, deps, moment, lookaheadMs }: Continuing): QueryResult | undefined {
  const { startMs, endMs, stepMs } = query
  if (kept.generation !== moment.generation || startMs < kept.startMs) return undefined
  const count = Math.floor((endMs - startMs) / stepMs) + 1
  const skipped = (startMs - kept.startMs) / stepMs
  // A step before this time sees nothing that was written since.
  const holdsBeforeMs = unchangedBeforeMs(moment.changes, kept.sequence) - lookaheadMs
  const holding = Math.min(Math.ceil((holdsBeforeMs - startMs) / stepMs), kept.count - skipped)
  const reused = Math.min(holding, count - 1)
  if (!(reused >= count * leastShare)) return undefined
  const rest = evaluateQuery({ ...query, startMs: startMs + reused * stepMs }, deps)
  if (rest.value.kind !== 'vector' || !rest.annotations.isEmpty) return undefined
  const series = new Map<string, VectorSeries>()
  const columns = () => ({ values: new Float64Array(count), present: new Uint8Array(count) })
  for (const [key, { labels, values, present }] of kept.series) {
    const whole = { labels, ...columns() }
    whole.values.set(values.subarray(skipped, skipped + reused))
    whole.present.set(present.subarray(skipped, skipped + reused))
    series.set(key, whole)
  }
  const isAdded = new Set<string>()
  for (const { labels, values, present, histograms } of rest.value.series) {
    const key = cachedLabelsKey(labels)
    if (histograms !== undefined || isAdded.has(key)) return undefined
    isAdded.add(key)
    const whole = series.get(key) ?? { labels, ...columns() }
    whole.values.set(values, reused)
    whole.present.set(present, reused)
    series.set(key, whole)
  }
  deps.limits.take(reused * kept.series.size)
  return { ...rest, value: { kind: 'vector', series: [...series.values()] }, steps: { startMs, stepMs, count }, reusedSteps: reused }
}
