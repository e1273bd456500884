// Between types, and values that come from the query rather than from data: `scalar`, `vector`, `time`, `timestamp`, `start`.

import { withoutMetricNames } from '../values/labelSets.ts'
import { constantScalar, type EvalContext, type ScalarValue } from '../values/value.ts'
import { largerOf, scalarArg, smallerOf, vectorArg, type InstantFunction } from './elementwise.ts'

/** The value of the only series present at a step, else NaN. */
export const scalar: InstantFunction = (args, _call, { steps }) => {
  const values = new Float64Array(steps.count).fill(NaN)
  const found = new Uint32Array(steps.count)
  for (const one of vectorArg(args, 0).series) {
    for (let step = 0; step < steps.count; step++) {
      if (one.present[step] === 0) continue
      found[step] = (found[step] as number) + 1 // one entry per step
      values[step] = found[step] === 1 ? (one.values[step] as number) : NaN
    }
  }
  return { kind: 'scalar', values }
}

export const vector: InstantFunction = (args, _call, { steps }) => ({
  kind: 'vector',
  series: [{ labels: [], values: scalarArg(args, 0), present: new Uint8Array(steps.count).fill(1) }],
})

function stepSeconds({ steps }: EvalContext): Float64Array {
  const seconds = new Float64Array(steps.count)
  for (let step = 0; step < steps.count; step++) seconds[step] = (steps.startMs + step * steps.stepMs) / 1000
  return seconds
}

export const time: InstantFunction = (_args, _call, context) => ({ kind: 'scalar', values: stepSeconds(context) })

/** Of a selector, which the plan has told to give the samples' own times. */
export const sampleTimestamp: InstantFunction = (args) => ({ kind: 'vector', series: withoutMetricNames(vectorArg(args, 0).series) })

/** Of anything else. What is worked out has no start. */
export const startTimestamp: InstantFunction = () => ({ kind: 'vector', series: [] })

/** Of anything else. */
export const timestamp: InstantFunction = (args, _call, context) => {
  const values = stepSeconds(context)
  return { kind: 'vector', series: withoutMetricNames(vectorArg(args, 0).series.map(({ labels, present }) => ({ labels, values, present }))) }
}

function constant(value: (context: EvalContext) => number): InstantFunction {
  return (_args, _call, context): ScalarValue => constantScalar(value(context), context.steps.count)
}

export const pi = constant(() => Math.PI)
export const start = constant(({ query }) => query.startMs / 1000)
export const end = constant(({ query }) => query.endMs / 1000)
export const step = constant(({ query }) => query.stepMs / 1000)
export const range = constant(({ query }) => (query.endMs - query.startMs) / 1000)

function ofTwo(choose: (a: number, b: number) => number): InstantFunction {
  return (args) => {
    const others = scalarArg(args, 1)
    return { kind: 'scalar', values: scalarArg(args, 0).map((value, at) => choose(value, others[at] as number)) } // one entry per step
  }
}

export const minOf = ofTwo(smallerOf)
export const maxOf = ofTwo(largerOf)

