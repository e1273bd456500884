// Carries out a PromQL script on a querier made from what the script loads, and compares. An instant evaluation is also
// done as the middle step of a range query, which must give the same.

import { expect } from 'vitest'
import { evaluateQuery } from '../../query/engine/engine.ts'
import { populated } from '../../query/histograms/arithmetic.ts'
import { histogramText } from '../../query/histograms/text.ts'
import { parseQuery } from '../../query/language/parse.ts'
import { Limits } from '../../query/limits.ts'
import { shareWithNobody } from '../../query/parallel/crew.ts'
import { createColumnSpace } from '../../query/values/columnSpace.ts'
import type { Value } from '../../query/values/value.ts'
import type { NativeHistogram } from '../../storage/model/histogram.ts'
import { formatLabels, labelsKey, type Labels } from '../../storage/model/labels.ts'
import type { Querier } from '../../storage/querier/querier.ts'
import { type MemorySample, type MemorySeries, stale } from '../helpers/memoryQuerier.ts'
import { parseScript, type Command, type TextExpectation } from './script.ts'

type EvalCommand = Command & { readonly kind: 'eval' }

/** Opens a querier over the series, runs `use`, and closes it. */
export type WithSeries = (series: readonly MemorySeries[], use: (querier: Querier) => void) => Promise<void>

/** Experimental functions are on: a script tests what a function does, not whether it may be called. */
export const scriptFeatures: ReadonlySet<string> = new Set(['promql-experimental-functions', 'promql-binop-fill-modifiers', 'promql-extended-range-selectors'])
const lookbackMs = 300_000
/** Relative, as in Prometheus's own scripts, whose expected values have few digits. */
const tolerance = 1e-6

export async function runScript(script: string, name: string, withSeries: WithSeries): Promise<void> {
  let loaded = new Map<string, { readonly labels: Labels; readonly samples: Map<number, MemorySample[1]> }>()
  let pending: EvalCommand[] = []
  const flush = async () => {
    const evaluations = pending
    pending = []
    if (evaluations.length === 0) return
    const series = [...loaded.values()].map(({ labels, samples }): MemorySeries => ({ labels, samples: [...samples].sort(([a], [b]) => a - b) as MemorySample[] }))
    await withSeries(series, (querier) => {
      for (const command of evaluations) check(command, querier, `${name}:${command.line}: ${command.query}`)
    })
  }
  for (const command of parseScript(script)) {
    if (command.kind === 'eval') {
      pending.push(command)
      continue
    }
    await flush()
    if (command.kind === 'clear') {
      loaded = new Map()
      continue
    }
    for (const { labels, values } of command.series) {
      const key = labelsKey(labels)
      const entry = loaded.get(key) ?? { labels, samples: new Map<number, MemorySample[1]>() }
      loaded.set(key, entry)
      values.forEach((value, i) => value !== undefined && entry.samples.set(i * command.intervalMs, value))
    }
  }
  await flush()
}

const space = createColumnSpace()

function check(command: EvalCommand, querier: Querier, what: string): void {
  const { query, startMs, endMs, stepMs, expect: expected } = command
  const evaluate = (times: { startMs: number; endMs: number; stepMs: number }) => {
    const limits = new Limits({ maxSamples: 50_000_000, deadlineMs: Infinity })
    const deps = { querier, space, limits, share: shareWithNobody, lookbackMs, maxSamples: 50_000_000, evaluationIntervalMs: 60_000, countsPerStep: false }
    return evaluateQuery({ text: query, expr: parseQuery(query, scriptFeatures), ...times }, deps)
  }
  if (expected.fail !== undefined) {
    let message: string | undefined
    try {
      evaluate({ startMs, endMs, stepMs })
    } catch (error) {
      message = error instanceof Error ? error.message : String(error)
    }
    expect(message, `${what}: should fail`).toBeDefined()
    if (expected.fail !== 'any') expectText(message ?? '', expected.fail, what)
    return
  }
  const result = evaluate({ startMs, endMs, stepMs })
  checkAnnotations(result.annotations.warnings(query), expected.warn, `${what}: warnings`)
  checkAnnotations(result.annotations.infos(query), expected.info, `${what}: infos`)
  checkValue(command, result.value, what)
  const isOrdered = expected.ordered === true
  if (stepMs === 0 && !isOrdered && result.value.kind !== 'string' && result.value.kind !== 'matrix' && !dependsOnRange(query)) {
    const { value } = evaluate({ startMs: startMs - 60_000, endMs: startMs + 60_000, stepMs: 60_000 })
    checkValue(command, middleStep(value), `${what} (as the middle of a range query)`)
  }
}

/** What means something else in a range query. */
function dependsOnRange(query: string): boolean {
  return /\b(?:start|end|step|range)\s*\(/.test(query) || /@\s*(?:start|end)/.test(query)
}

function middleStep(value: Value): Value {
  if (value.kind === 'scalar') return { kind: 'scalar', values: value.values.slice(1, 2) }
  if (value.kind !== 'vector') throw new Error(`bug: a range query gave a ${value.kind}`)
  return { kind: 'vector', series: value.series.map(({ labels, values, present, histograms }) => ({
      labels, values: values.slice(1, 2), present: present.slice(1, 2), ...(histograms && { histograms: histograms.slice(1, 2) }),
    })),
  }
}

function checkValue({ expect: expected, scalar, series, stepMs }: EvalCommand, value: Value, what: string): void {
  if (expected.string !== undefined) return expect(value, what).toEqual({ kind: 'string', text: expected.string })
  if (scalar !== undefined || value.kind === 'scalar') {
    expect(value.kind, what).toBe('scalar')
    if (value.kind !== 'scalar') return
    if (scalar !== undefined) expectClose(value.values[0], scalar, what)
    else series[0]?.values.forEach((number, step) => expectClose(value.values[step], number, `${what} step ${step}`))
    return
  }
  const actual = columnsOf(value)
  const shown = (one: Column) => `${formatLabels(one.labels)} ${one.values.map((v) => (typeof v === 'object' ? histogramText(v) : (v ?? '_'))).join(' ')}`
  const problem = `${what}\ngot:\n${actual.map(shown).join('\n')}\n`
  expect(actual.map((one) => formatLabels(one.labels)).sort(), problem).toEqual(series.map((one) => formatLabels(one.labels)).sort())
  if (expected.ordered) expect(actual.map((one) => formatLabels(one.labels)), problem).toEqual(series.map((one) => formatLabels(one.labels)))
  for (const one of series) {
    const found = actual.find((candidate) => labelsKey(candidate.labels) === labelsKey(one.labels))
    const steps = stepMs === 0 && value.kind === 'vector' ? 1 : Math.max(one.values.length, found?.values.length ?? 0)
    for (let step = 0; step < steps; step++) {
      const wanted = one.values[step]
      expectClose(found?.values[step], wanted === stale ? undefined : wanted, `${problem}step ${step} of ${formatLabels(one.labels)}`)
    }
  }
}

type Column = { readonly labels: Labels; readonly values: readonly (number | NativeHistogram | undefined)[] }

function columnsOf(value: Value): readonly Column[] {
  if (value.kind === 'matrix') return value.series.map(({ labels, values, histograms }) => ({ labels, values: [...values].map((number, i) => histograms?.[i] ?? number) }))
  if (value.kind !== 'vector') throw new Error(`not a vector: ${value.kind}`)
  return value.series
    .filter((one) => one.present.includes(1))
    .map(({ labels, values, present, histograms }) => ({
      labels, values: [...values].map((number, step) => (present[step] === 1 ? (histograms?.[step] ?? number) : undefined)),
    }))
}

type Element = number | NativeHistogram | undefined

function expectClose(actual: Element, expected: Element | typeof stale, what: string): void {
  if (typeof actual === 'object' && typeof expected === 'object') {
    const parts = (histogram: NativeHistogram) => {
      const [positive, negative] = [populated(histogram.positive), populated(histogram.negative)]
      const layout = { schema: histogram.schema, bounds: [...histogram.customBounds], zeroThreshold: histogram.zeroThreshold, indexes: [[...positive.indexes], [...negative.indexes]] }
      return { layout, numbers: [histogram.count, histogram.sum, histogram.zeroCount, ...positive.counts, ...negative.counts] }
    }
    expect(parts(actual).layout, what).toEqual(parts(expected).layout)
    return parts(expected).numbers.forEach((number, i) => expectClose(parts(actual).numbers[i], number, `${what}: ${histogramText(actual)}`))
  }
  if (typeof actual !== 'number' || typeof expected !== 'number') return expect(actual, what).toBe(expected)
  if (Object.is(actual, expected) || actual === expected) return
  const size = Math.abs(actual) + Math.abs(expected)
  const isClose = Math.abs(actual - expected) / size < tolerance
  if (!isClose) expect(actual, what).toBe(expected)
}

function checkAnnotations(found: readonly string[], expected: readonly (TextExpectation | 'any' | 'none')[] | undefined, what: string): void {
  for (const one of expected ?? []) {
    if (one === 'none') expect(found, what).toEqual([])
    else if (one === 'any') expect(found.length, `${what}: ${found.join('; ')}`).toBeGreaterThan(0)
    else if (one.kind === 'msg') expect(found.map(withoutPosition), what).toContain(one.text)
    else expect(found.some((text) => one.pattern.test(text)), `${what}: ${found.join('; ')} against ${one.pattern}`).toBe(true)
  }
}

const withoutPosition = (text: string) => text.replace(/ \(\d+:\d+\)$/, '')

function expectText(actual: string, expected: TextExpectation, what: string): void {
  if (expected.kind === 'msg') expect(actual.trimEnd(), what).toBe(expected.text)
  else expect(actual, what).toMatch(expected.pattern)
}
