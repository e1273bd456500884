// Alert labels and annotations as templates: parsed once per rule, expanded for each alert. Queries inside are answered
// between the attempts to expand; an attempt itself is synchronous.

import { errorText } from '../../src/base/assert.ts'
import type { Labels } from '../../storage/model/labels.ts'
import { Struct, type Dict, type FunctionTable, type Value } from './go/value.ts'
import { withBuiltins } from './language/builtins.ts'
import { TemplateError } from './language/templateError.ts'
import { closestSample, labelDict, NeedQuery, ruleDataType, ruleFunctions, sampleValue, type QueryAnswer, type QuerySample } from './ruleFunctions.ts'
import { TemplateSet } from './templateSet.ts'

export type TemplateCheck = {
  /** Prometheus's text, when it does not parse. */
  readonly error?: string
  /** What is accepted here although Prometheus refuses it. */
  readonly warnings: readonly string[]
}

/** What all expansions of one evaluation share. */
export type ExpansionSettings = {
  readonly externalLabels: Labels
  readonly externalUrl: string
  readonly timestampMs: number
}

/** What Prometheus puts before each template; it shows in the columns of error messages. */
const definitions = '{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}'

const parseFunctions = ruleFunctions({ timestampMs: 0, externalUrl: '', answers: new Map() })

/** Parses the template of an alert label or annotation without expanding it. */
export function checkRuleTemplate(alertName: string, text: string): TemplateCheck {
  const warnings: string[] = []
  try {
    new TemplateSet(parseFunctions).add(`__alert_${alertName}`, definitions + text, (name, error) => {
      warnings.push(`{{ ${name} }} is no template function, so it is read as the value of the metric ${JSON.stringify(name)}; Prometheus would refuse the file: ${error}`)
    })
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    return { error: error.message, warnings }
  }
  return { warnings }
}

export class RuleTemplate {
  readonly #name: string
  readonly #text: string
  /** `undefined` when there is nothing to expand. */
  readonly #templates: TemplateSet | undefined

  /** Throws `TemplateError` when `text` does not parse. */
  constructor(alertName: string, text: string) {
    this.#name = `__alert_${alertName}`
    this.#text = text
    if (!text.includes('{{')) return
    this.#templates = new TemplateSet(parseFunctions)
    this.#templates.add(this.#name, definitions + text, () => {})
  }

  /** Throws `TemplateError`, or `NeedQuery` for a query that is not answered yet. */
  expand(sample: ExpansionSample, expansion: Expansion): string {
    if (this.#templates === undefined) return this.#text
    const metricValue = (name: string): Value | undefined => expansion.metricValue(name, sample.labels)
    return this.#templates.render(this.#name, sample.data, { mode: 'text', functions: expansion.functions, metricValue })
  }

  /** The same, with an error put into the text as Prometheus does. */
  expandOrExplain(sample: ExpansionSample, expansion: Expansion): string {
    try {
      return this.expand(sample, expansion)
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
      expansion.failures.push(error)
      return `<error expanding template: error executing template ${this.#name}: ${error.message}>`
    }
  }
}

/** A sample of the query's result as templates see it: with its metric name, without the rule's own labels. */
export type ExpansionSample = { readonly labels: Labels; readonly data: Struct }

/** Queries that one expansion may make. */
const maxQueries = 1_000

/** One evaluation of a rule, or one page: expands templates at one time, and asks each query inside them once. */
export class Expansion {
  readonly functions: FunctionTable
  /** Of templates that did not expand. */
  readonly failures: TemplateError[] = []
  readonly #settings: ExpansionSettings
  readonly #evaluate: (expr: string) => Promise<readonly QuerySample[]>
  readonly #answers = new Map<string, QueryAnswer>()
  readonly #externalLabels: Dict

  constructor(settings: ExpansionSettings, evaluate: (expr: string) => Promise<readonly QuerySample[]>) {
    this.#settings = settings
    this.#evaluate = evaluate
    this.#externalLabels = labelDict(settings.externalLabels)
    this.functions = withBuiltins(ruleFunctions({ ...settings, answers: this.#answers }))
  }

  /** Prepares a sample for any number of templates. */
  sample(sample: QuerySample): ExpansionSample {
    const { labels } = sample
    const data = { Labels: labelDict(labels), ExternalLabels: this.#externalLabels, ExternalURL: this.#settings.externalUrl, Value: sampleValue(sample) }
    return { labels, data: new Struct(ruleDataType, data) }
  }

  /** The value of the metric's series that shares most labels with `labels`. */
  metricValue(name: string, labels: Labels): Value | undefined {
    const answer = this.#answers.get(name)
    if (answer === undefined) throw new NeedQuery(name)
    const closest = 'error' in answer ? undefined : closestSample(answer.samples, labels)
    return closest && sampleValue(closest)
  }

  /** Runs `expand` again and again until it needs no further query. What it throws beside `NeedQuery` passes through. */
  async run<T>(expand: () => T): Promise<T> {
    for (;;) {
      try {
        return expand()
      } catch (error) {
        if (!(error instanceof NeedQuery)) throw error
        this.#answers.set(error.expr, await this.#answer(error.expr))
      }
    }
  }

  async #answer(expr: string): Promise<QueryAnswer> {
    if (this.#answers.size >= maxQueries) return { error: `the templates make more than ${maxQueries} queries` }
    try {
      return { samples: await this.#evaluate(expr) }
    } catch (error) {
      return { error: errorText(error) }
    }
  }
}
