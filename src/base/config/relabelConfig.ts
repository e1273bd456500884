// One relabel rule as configured: for targets, scraped samples, alerts and discovered Alertmanagers. Executing the rules
// is ingest/relabel.ts; alerting gets that as a function.

import { RE2JS } from 're2js'
import { errorText } from '../assert.ts'
import { isLabelName } from '../names.ts'
import type { NameScheme } from '../names.ts'
import { didYouMean } from '../nearest.ts'
import type { YamlNode } from './yaml.ts'
import { fields, list, text } from './yamlReaders.ts'
import type { Reader } from './yamlReaders.ts'

export type RelabelAction =
  | 'replace'
  | 'keep'
  | 'drop'
  | 'keepequal'
  | 'dropequal'
  | 'hashmod'
  | 'labelmap'
  | 'labeldrop'
  | 'labelkeep'
  | 'lowercase'
  | 'uppercase'

/** Validated and with defaults filled in. `regex` is the source text, known to compile as `^(?s:regex)$`. */
export type RelabelConfig = {
  readonly action: RelabelAction
  readonly sourceLabels: readonly string[]
  readonly separator: string
  readonly regex: string
  /** Up to 2^64 - 1; 0 when the action is not hashmod. */
  readonly modulus: bigint
  readonly targetLabel: string
  readonly replacement: string
  /** Label names must match `[a-zA-Z_][a-zA-Z0-9_]*` when legacy; any UTF-8 text when utf8. */
  readonly nameValidation: NameScheme
}

const actions: readonly RelabelAction[] = [
  'replace',
  'keep',
  'drop',
  'keepequal',
  'dropequal',
  'hashmod',
  'labelmap',
  'labeldrop',
  'labelkeep',
  'lowercase',
  'uppercase',
]

/** What a rule has that says nothing. */
export const defaultRelabelConfig: RelabelConfig = {
  action: 'replace',
  sourceLabels: [],
  separator: ';',
  regex: '(.*)',
  modulus: 0n,
  targetLabel: '',
  replacement: '$1',
  nameValidation: 'utf8',
}

/** Reads one relabel rule; messages are those of Prometheus where it has one. */
export function relabelConfig(nameValidation: NameScheme): Reader<RelabelConfig> {
  return (node) => {
    const read = fields(node, {
      action,
      source_labels: list(labelName),
      separator: text,
      regex,
      modulus,
      target_label: text,
      replacement: text,
    })
    const config: RelabelConfig = {
      action: read.action ?? defaultRelabelConfig.action,
      sourceLabels: read.source_labels ?? defaultRelabelConfig.sourceLabels,
      separator: read.separator ?? defaultRelabelConfig.separator,
      regex: read.regex ?? defaultRelabelConfig.regex,
      modulus: read.modulus ?? defaultRelabelConfig.modulus,
      targetLabel: read.target_label ?? defaultRelabelConfig.targetLabel,
      replacement: read.replacement ?? defaultRelabelConfig.replacement,
      nameValidation,
    }
    checkCombination(node, config)
    return config
  }
}

const action: Reader<RelabelAction> = (node) => {
  const found = actions.find((one) => one === node.text?.toLowerCase())
  if (found === undefined) {
    return node.fail(`unknown relabel action ${node.describe()}${didYouMean(node.text ?? '', actions)}; known: ${actions.join(', ')}`)
  }
  return found
}

const labelName: Reader<string> = (node) => {
  const name = text(node)
  if (!isLabelName(name)) node.fail(`expected a label name, found ${node.describe()}`)
  return name
}

const regex: Reader<string> = Object.assign(
  (node: YamlNode) => {
    const pattern = text(node)
    try {
      RE2JS.compile(`^(?s:${pattern})$`)
    } catch (error) {
      node.fail(`not a valid RE2 regular expression: ${errorText(error)}`)
    }
    return pattern
  },
  { ofNull: '' },
)

const modulus: Reader<bigint> = (node) => {
  const digits = node.isPlain ? (node.text ?? '') : ''
  if (!/^\d+$/.test(digits) || BigInt(digits) >= 2n ** 64n) return node.fail(`expected a whole number from 0 on, found ${node.describe()}`)
  return BigInt(digits)
}

function checkCombination(node: YamlNode, config: RelabelConfig): void {
  const { action, targetLabel, replacement, nameValidation } = config
  const is = (...some: readonly RelabelAction[]) => some.includes(action)
  const sets = (...keys: readonly string[]) => keys.some((key) => node.get(key) !== undefined)
  if (is('hashmod') && config.modulus === 0n) node.fail('relabel configuration for hashmod requires non-zero modulus')
  if (is('replace', 'hashmod', 'lowercase', 'uppercase', 'keepequal', 'dropequal') && targetLabel === '') {
    node.fail(`relabel configuration for ${action} action requires 'target_label' value`)
  }
  const isNameAfterExpansion = (name: string) =>
    nameValidation === 'legacy' ? /^(?:(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+\w*)+$/.test(name) : isLabelName(name)
  const targetIsValid = is('replace') && targetLabel.includes('$') ? isNameAfterExpansion(targetLabel) : isLabelName(targetLabel, nameValidation)
  if (targetLabel !== '' && !is('labeldrop', 'labelkeep', 'labelmap', 'keep', 'drop') && !targetIsValid) {
    node.at('target_label').fail(`"${targetLabel}" is invalid 'target_label' for ${action} action`)
  }
  if (is('lowercase', 'uppercase') && replacement !== defaultRelabelConfig.replacement) {
    node.at('replacement').fail(`'replacement' can not be set for ${action} action`)
  }
  if (is('labelmap') && !isNameAfterExpansion(replacement)) {
    node.at('replacement').fail(`"${replacement}" is invalid 'replacement' for ${action} action`)
  }
  if (is('keepequal', 'dropequal') && sets('regex', 'modulus', 'separator', 'replacement')) {
    node.fail(`${action} action requires only 'source_labels' and 'target_label', and no other fields`)
  }
  if (is('labeldrop', 'labelkeep') && sets('source_labels', 'target_label', 'modulus', 'separator', 'replacement')) {
    node.fail(`${action} action requires only 'regex', and no other fields`)
  }
}
