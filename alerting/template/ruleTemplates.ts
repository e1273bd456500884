// Alert labels and annotations as templates: parsed once per rule, expanded for each alert. Queries inside are answered by
// `expandWithQueries`, between whose attempts the expansion itself stays synchronous.

import { errorText } from '../../src/base/assert.ts'
import type { Labels } from '../../storage/labels.ts'
import { closestSample, NeedQuery, ruleFunctions, ruleTemplateData, type QueryAnswer, type QueryAnswers, type QuerySample } from './ruleFunctions.ts'
import { TemplateError } from './templateError.ts'
import { TemplateSet } from './templateSet.ts'
import type { Value } from './value.ts'

export type TemplateCheck = {
  /** Prometheus's text, when it does not parse. */
  readonly error?: string
  /** What is accepted here although Prometheus refuses it. */
  readonly warnings: readonly string[]
}

export type ExpansionContext = {
  /** Of the sample, with its metric name and without the rule's own labels. */
  readonly labels: Labels
  readonly value: number
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

  /** Throws `TemplateError`, or `NeedQuery` for a query that `answers` does not have. */
  expand(context: ExpansionContext, answers: QueryAnswers): string {
    if (this.#templates === undefined) return this.#text
    const metricValue = (name: string): Value | undefined => {
      const answer = answers.get(name)
      if (answer === undefined) throw new NeedQuery(name)
      return 'error' in answer ? undefined : closestSample(answer.samples, context.labels)?.value
    }
    const functions = ruleFunctions({ timestampMs: context.timestampMs, externalUrl: context.externalUrl, answers })
    return this.#templates.render(this.#name, ruleTemplateData(context), { mode: 'text', functions, metricValue })
  }

  /** The same, with an error put into the text as Prometheus does. */
  expandOrExplain(context: ExpansionContext, answers: QueryAnswers, onFailure: (error: TemplateError) => void): string {
    try {
      return this.expand(context, answers)
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
      onFailure(error)
      return `<error expanding template: error executing template ${this.#name}: ${error.message}>`
    }
  }
}

/** Queries that the templates of one rule may make at one time. */
const maxQueries = 1_000

/**
 * Runs `expand` again and again until it needs no further query; `evaluate` answers each query once. What `expand` throws
 * beside `NeedQuery` passes through, and so does `expand`'s result.
 */
export async function expandWithQueries<T>(expand: (answers: QueryAnswers) => T, evaluate: (expr: string) => Promise<readonly QuerySample[]>): Promise<T> {
  const answers = new Map<string, QueryAnswer>()
  for (;;) {
    try {
      return expand(answers)
    } catch (error) {
      if (!(error instanceof NeedQuery)) throw error
      answers.set(error.expr, answers.size < maxQueries ? await answerOf(error.expr, evaluate) : { error: `templates of one rule make more than ${maxQueries} queries` })
    }
  }
}

async function answerOf(expr: string, evaluate: (expr: string) => Promise<readonly QuerySample[]>): Promise<QueryAnswer> {
  try {
    return { samples: await evaluate(expr) }
  } catch (error) {
    return { error: errorText(error) }
  }
}
