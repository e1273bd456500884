// A range query is the same as instant queries at its steps. For what no other server can be asked about, because it came
// after Prometheus 2.42, this is the check that evaluation by columns is right; what the values are, `cases/` say.

import { expect, it } from 'vitest'
import { evaluateQuery } from '../../query/engine/engine.ts'
import { parseQuery } from '../../query/language/parse.ts'
import { valueTypeOf } from '../../query/language/typecheck.ts'
import { Limits } from '../../query/limits.ts'
import { shareWithNobody } from '../../query/parallel/crew.ts'
import { QueryError } from '../../query/queryError.ts'
import { createColumnSpace } from '../../query/values/columnSpace.ts'
import type { Value } from '../../query/values/value.ts'
import { formatLabels, labelsFrom } from '../../storage/model/labels.ts'
import { randomSeries } from '../differential/promql/data.ts'
import { QueryGenerator } from '../differential/promql/queries.ts'
import { createMemoryQuerier } from '../helpers/memoryQuerier.ts'
import { createRandom } from '../helpers/random.ts'

const random = createRandom()
const space = createColumnSpace()
const queryCount = 600
const features = new Set(['promql-experimental-functions', 'promql-binop-fill-modifiers', 'promql-extended-range-selectors'])
const querier = createMemoryQuerier(
  randomSeries(random).map(({ labels, samples }) => ({ labels: labelsFrom(labels), samples: samples.map(({ timestampMs, value }) => [timestampMs, value] as const) })),
)
const generator = new QueryGenerator(random)

/** A random instant vector of one or two levels. */
function vector(): string {
  for (;;) {
    const { text, stepMs } = generator.next()
    if (stepMs > 0 && text.length < 120 && !/\b(?:start|end)\b/i.test(text) && valueTypeOf(parseQuery(text, features)) === 'vector') return `(${text})`
  }
}

const range = () => random.pick(['1m', '2m30s', '5m', '40s', '1m + 30s', '2 * 1m', 'max_of(1m, 70s)'])
const offset = () => random.pick(['', '', ' offset 1m', ' offset -30s', ' offset (1m * 2)', ' @ 1700000900.5'])
const gauge = () => random.pick(['g', 'm', 'u', 'some', 's', 'g2'])
const counter = () => random.pick(['c_total', 'p_total', 'h_bucket', 'g'])

const makers: readonly (() => string)[] = [
  () => `${random.pick(['rate', 'increase', 'delta', 'changes', 'resets'])}(${counter()}[${range()}] anchored${offset()})`,
  () => `${random.pick(['rate', 'increase', 'delta'])}(${counter()}[${range()}] smoothed${offset()})`,
  () => `${gauge()} smoothed${offset()}`,
  () => `sum by (job) (${gauge()} smoothed)`,
  () => `${random.pick(['mad', 'first', 'ts_of_first', 'ts_of_last', 'ts_of_min', 'ts_of_max'])}_over_time(${gauge()}[${range()}]${offset()})`,
  () => `double_exponential_smoothing(${gauge()}[${range()}], 0.5, 0.25)`,
  () => `${gauge()} ${random.pick(['+', '-', '> bool', '<'])} on (job, inst, mode, dup) fill(${random.pick(['0', '-1', 'NaN', 'Inf'])}) ${gauge()}`,
  () => `${vector()} ${random.pick(['+', '*'])} on (job) group_left ${random.pick(['fill', 'fill_left', 'fill_right'])}(1) max by (job) (${vector()})`,
  () => `${random.pick(['limitk', 'topk', 'bottomk'])} by (job) (${random.pick(['1', '2', 'count(one)'])}, u)`,
  () => `limit_ratio(${random.pick(['0.5', '-0.3', '1', '0'])}, ${vector()})`,
  () => `histogram_quantiles(h_bucket${offset()}, "q", 0.5, 0.9, scalar(one) / 8)`,
  () => `histogram_fraction(${random.pick(['0', '0.3', '-Inf'])}, ${random.pick(['1', '2.2', 'Inf'])}, h_bucket${offset()})`,
  () => `info(label_replace(g, "instance", "$1", "inst", "(.*)"), {__name__="m"})`,
  () => `max_of(scalar(one), ${random.pick(['3', 'time()'])}) * ${vector()}`,
  () => `quantile_over_time(scalar(one) / 8, ${gauge()}[${range()}]${offset()})`,
  () => `sum_over_time(${vector()}[${random.pick(['2m:30s', '90s:', '1m:7s', '2m:min_of(30s, 1m)'])}]${offset()})`,
  () => `timestamp(${gauge()}${offset()})`,
  () => vector(),
]

function evaluate(text: string, times: { startMs: number; endMs: number; stepMs: number }): Value | QueryError {
  const limits = new Limits({ maxSamples: 50_000_000, deadlineMs: Infinity })
  const deps = { querier, space, limits, share: shareWithNobody, lookbackMs: 300_000, maxSamples: 50_000_000, evaluationIntervalMs: 20_000, countsPerStep: false }
  try {
    return evaluateQuery({ text, expr: parseQuery(text, features), ...times }, deps).value
  } catch (error) {
    if (error instanceof QueryError) return error
    throw error
  }
}

/** What is present at a step, by series; twelve digits, because windows are put together in other ways where they overlap. */
function shown(value: Value, step: number): Record<string, string> {
  if (value.kind !== 'vector') throw new Error(`not a vector: ${value.kind}`)
  const present = value.series.filter((one) => one.present[step] === 1)
  return Object.fromEntries(present.map((one) => [formatLabels(one.labels), one.values[step]?.toPrecision(11) ?? '']))
}

it(`has at each step the values of an instant query (seed ${random.seed})`, { timeout: 120_000 }, () => {
  for (let i = 0; i < queryCount; i++) {
    const text = random.pick(makers)()
    const startMs = 1_700_000_000_500 + 1000 * random.below(2300)
    const stepMs = 1000 * random.pick([1, 15, 30, 61, 200])
    const count = 1 + random.below(8)
    const whole = evaluate(text, { startMs, endMs: startMs + (count - 1) * stepMs, stepMs })
    for (let step = 0; step < count; step++) {
      const timeMs = startMs + step * stepMs
      const one = evaluate(text, { startMs: timeMs, endMs: timeMs, stepMs: 0 })
      if (one instanceof QueryError) expect(whole, `${text} fails at ${timeMs}: ${one.message}`).toBeInstanceOf(QueryError)
      // Two series that differ in name only are refused for the whole range, whether they meet at a step or not.
      else if (whole instanceof QueryError) expect(whole.message, text).toMatch(/same labelset|multiple matches|duplicate series/)
      else expect(shown(whole, step), `${text} from ${startMs} step ${stepMs} at ${timeMs}`).toEqual(shown(one, 0))
    }
  }
})
