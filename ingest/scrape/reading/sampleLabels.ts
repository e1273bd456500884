// From the labels in an exposition to the labels of the stored series: target labels, honor_labels, metric relabelling,
// names and label limits. Runs once per series that a target shows for the first time. Pure.

import { isLabelName, isMetricName } from '../../../src/base/names.ts'
import { formatLabels, type Label, type Labels, labelValue, metricNameLabel, sortLabels } from '../../../storage/model/labels.ts'
import { BodyError } from '../../exposition/text/expositionLexer.ts'
import { goQuote } from '../../exposition/text/goFloat.ts'
import { relabel, type RelabelRules } from '../../relabel.ts'
import type { ScrapeConfig } from '../job/scrapeConfig.ts'

/** The scrape fails because of a series in it; the message is Prometheus's. */
export class SampleLabelsError extends BodyError {
  readonly isLabelLimit: boolean

  constructor(message: string, isLabelLimit = false) {
    super(message)
    this.isLabelLimit = isLabelLimit
  }
}

type JobSettings = Pick<ScrapeConfig, 'honorLabels' | 'nameValidationScheme' | 'labelLimit' | 'labelNameLengthLimit' | 'labelValueLengthLimit'>

/** The labels to store the series under, `undefined` when relabelling drops it. Throws `SampleLabelsError`. */
export function sampleLabels(exposed: readonly Label[], targetLabels: Labels, job: JobSettings, rules: RelabelRules): Labels | undefined {
  rejectRepeatedNames(exposed)
  const labels = relabel(job.honorLabels ? fillFromTarget(exposed, targetLabels) : preferTarget(exposed, targetLabels), rules)
  if (labels === undefined || labels.length === 0) return undefined
  const name = labelValue(labels, metricNameLabel)
  if (name === '') throw new SampleLabelsError('missing metric name (__name__ label)')
  const isValid = isMetricName(name, job.nameValidationScheme) && labels.every((label) => isLabelName(label.name, job.nameValidationScheme))
  if (!isValid) throw new SampleLabelsError(`invalid metric name or label names: ${formatLabels(labels)}`)
  checkLimits(labels, name, job)
  return labels
}

function rejectRepeatedNames(labels: readonly Label[]): void {
  const seen = new Set<string>()
  for (const { name } of labels) {
    if (seen.has(name)) throw new SampleLabelsError(`label name ${JSON.stringify(name)} is not unique: invalid sample`)
    seen.add(name)
  }
}

/** honor_labels: what the target says wins, even that a label is empty. */
function fillFromTarget(exposed: readonly Label[], targetLabels: Labels): Labels {
  const names = new Set(exposed.map((label) => label.name))
  return sortLabels([...exposed, ...targetLabels.filter((label) => !names.has(label.name))])
}

/** The target's labels win; exposed ones of the same name become `exported_name`, shortest name first. */
function preferTarget(exposed: readonly Label[], targetLabels: Labels): Labels {
  const labels = new Map<string, string>()
  for (const { name, value } of exposed) if (value !== '') labels.set(name, value)
  const conflicts: Label[] = []
  for (const { name, value } of targetLabels) {
    const exposedValue = labels.get(name)
    if (exposedValue !== undefined) conflicts.push({ name, value: exposedValue })
    labels.set(name, value)
  }
  conflicts.sort((a, b) => Buffer.byteLength(a.name) - Buffer.byteLength(b.name))
  for (const { name, value } of conflicts) {
    let renamed = `exported_${name}`
    while (labels.has(renamed)) renamed = `exported_${renamed}`
    labels.set(renamed, value)
  }
  return sortLabels(Array.from(labels, ([name, value]) => ({ name, value })))
}

function checkLimits(labels: Labels, metric: string, job: JobSettings): void {
  const { labelLimit, labelNameLengthLimit, labelValueLengthLimit } = job
  const fail = (message: string): never => {
    throw new SampleLabelsError(message, true)
  }
  if (labelLimit > 0 && labels.length > labelLimit)
    fail(`label_limit exceeded (metric: ${cut(metric)}, number of labels: ${labels.length}, limit: ${labelLimit})`)
  if (labelNameLengthLimit === 0 && labelValueLengthLimit === 0) return
  for (const { name, value } of labels) {
    const nameBytes = Buffer.byteLength(name)
    if (labelNameLengthLimit > 0 && nameBytes > labelNameLengthLimit)
      fail(`label_name_length_limit exceeded (metric: ${cut(metric)}, label name: ${cut(name)}, length: ${nameBytes}, limit: ${labelNameLengthLimit})`)
    const valueBytes = Buffer.byteLength(value)
    if (labelValueLengthLimit > 0 && valueBytes > labelValueLengthLimit)
      fail(
        `label_value_length_limit exceeded (metric: ${cut(metric)}, label name: ${cut(name)}, value: ${goQuote(cut(value))}, ` +
          `length: ${valueBytes}, limit: ${labelValueLengthLimit})`,
      )
  }
}

/** The first 50 characters, as in Go's `%.50s`. */
function cut(text: string): string {
  return [...text].slice(0, 50).join('')
}
