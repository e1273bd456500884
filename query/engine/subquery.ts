// Subqueries: the inner expression at its own steps, which are absolute multiples of the subquery's step, and its values
// then treated as the samples of a range selector.

import type { SubqueryPlan } from '../plan/plan.ts'
import { QueryError } from '../queryError.ts'
import { lookupTimes, type SampledSeries } from '../selectors/selector.ts'
import type { Steps, VectorSeries } from '../values/value.ts'

/** The steps at which the inner expression is evaluated, for all of the windows. May have none. */
export function subquerySteps(plan: SubqueryPlan, outer: Steps, maxSteps: number): Steps {
  const times = lookupTimes(plan.lookup, outer)
  const { stepMs } = plan
  const startMs = (Math.floor((times.startMs - plan.rangeMs) / stepMs) + 1) * stepMs
  const endMs = times.startMs + (times.count - 1) * times.stepMs
  const count = startMs > endMs ? 0 : Math.floor((endMs - startMs) / stepMs) + 1
  if (count > maxSteps) throw new QueryError('execution', 'query processing would load too many samples into memory in query execution')
  return { startMs, stepMs, count }
}

/** The values that are present, as samples at the steps' times. */
export function sampledAt(steps: Steps, series: readonly VectorSeries[]): SampledSeries {
  const everyTimeMs = new Float64Array(steps.count)
  for (let step = 0; step < steps.count; step++) everyTimeMs[step] = steps.startMs + step * steps.stepMs
  const timestampsMs = new Float64Array(steps.count)
  const values = new Float64Array(steps.count)
  const at = (index: number): VectorSeries => {
    const one = series[index]
    if (one === undefined) throw new Error(`bug: no series ${index}`)
    return one
  }
  return {
    count: series.length,
    labels: (index) => at(index).labels,
    read(index) {
      const { values: all, present, histograms } = at(index)
      let length = 0
      for (let step = 0; step < steps.count; step++) {
        if (present[step] === 0) continue
        timestampsMs[length] = everyTimeMs[step] as number // step < steps.count, the length of all of them
        values[length] = all[step] as number
        length++
      }
      const taken = histograms && { histograms: histograms.filter((_, step) => present[step] === 1) }
      if (length === steps.count) return { length, timestampsMs: everyTimeMs, values: all, ...taken }
      return { length, timestampsMs, values, ...taken }
    },
  }
}
