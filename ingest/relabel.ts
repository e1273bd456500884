// Relabelling: a label set and compiled rules in, a label set or a drop out. Pure; used for targets, for scraped series
// and, handed over by the wiring, for alerts and alertmanagers. Rules are compiled once per configuration.

import { createHash } from 'node:crypto'
import type { Matcher as RegexMatcher, RE2JS } from 're2js'
import { unreachable } from '../src/base/assert.ts'
import type { RelabelConfig } from '../src/base/config/relabelConfig.ts'
import { isLabelName } from '../src/base/names.ts'
import { type Labels, sortLabels } from '../storage/model/labels.ts'
import { compileAnchored } from '../storage/model/matcher.ts'

/** Rules ready to run. Made by `compileRelabel`. */
export type RelabelRules = { readonly rules: readonly Rule[] }

type Rule = {
  readonly config: RelabelConfig
  readonly regex: Pattern
  readonly target: Template
  readonly replacement: Template
}

/** Compiles rules that the configuration reader has checked. */
export function compileRelabel(configs: readonly RelabelConfig[]): RelabelRules {
  return {
    rules: configs.map((config) => ({
      config,
      regex: compilePattern(config.regex),
      target: parseTemplate(config.targetLabel),
      replacement: parseTemplate(config.replacement),
    })),
  }
}

/** Applies the rules in order. `undefined` when one of them drops the set. The input is not changed. */
export function relabel(labels: Labels, { rules }: RelabelRules): Labels | undefined {
  if (rules.length === 0) return labels
  const builder = new LabelBuilder(labels)
  for (const rule of rules) if (!applyRule(rule, builder)) return undefined
  return builder.labels()
}

export type RelabelStep = { readonly rule: RelabelConfig; readonly output: Labels; readonly keep: boolean }

/** What each rule makes of the set, for people who debug their rules; ends with the rule that drops it. */
export function relabelSteps(labels: Labels, { rules }: RelabelRules): RelabelStep[] {
  const steps: RelabelStep[] = []
  const builder = new LabelBuilder(labels)
  for (const rule of rules) {
    const keep = applyRule(rule, builder)
    steps.push({ rule: rule.config, output: keep ? builder.labels() : [], keep })
    if (!keep) break
  }
  return steps
}

/** Changes `builder` as the rule says; false when the rule drops the set. */
function applyRule({ config, regex, target, replacement }: Rule, builder: LabelBuilder): boolean {
  const { action, targetLabel } = config
  switch (action) {
    case 'labelmap':
      for (const [name, value] of builder.entries())
        if (regex.matches(name)) builder.set(replaceAll(name, regex, replacement), value)
      return true
    case 'labeldrop':
      for (const [name] of builder.entries()) if (regex.matches(name)) builder.set(name, '')
      return true
    case 'labelkeep':
      for (const [name] of builder.entries()) if (!regex.matches(name)) builder.set(name, '')
      return true
  }
  const value = joinedValue(config, builder)
  switch (action) {
    case 'drop':
      return !regex.matches(value)
    case 'keep':
      return regex.matches(value)
    case 'dropequal':
      return builder.get(targetLabel) !== value
    case 'keepequal':
      return builder.get(targetLabel) === value
    case 'lowercase':
      builder.set(targetLabel, goToLower(value))
      return true
    case 'uppercase':
      builder.set(targetLabel, goToUpper(value))
      return true
    case 'hashmod':
      builder.set(targetLabel, hashMod(value, config.modulus))
      return true
    case 'replace': {
      const groups = regex.groups(value)
      if (groups === undefined) return true
      const name = expand(target, groups)
      if (isLabelName(name, config.nameValidation)) builder.set(name, expand(replacement, groups))
      return true
    }
    default:
      return unreachable(action)
  }
}

function joinedValue(config: RelabelConfig, builder: LabelBuilder): string {
  const names = config.sourceLabels
  if (names.length === 1) return builder.get(names[0] as string) // length is 1
  return names.map((name) => builder.get(name)).join(config.separator)
}

/** The last eight bytes of the MD5 hash as a big-endian number, modulo `modulus`. */
function hashMod(value: string, modulus: bigint): string {
  const hash = createHash('md5').update(value, 'utf8').digest()
  return String(hash.readBigUInt64BE(8) % modulus)
}

/** Go changes case character by character, JavaScript may make two characters of one (`ß` to `SS`). */
function goToLower(text: string): string {
  let result = ''
  for (const character of text) result += character === 'İ' ? 'i' : oneCharacter(character.toLowerCase(), character)
  return result
}

function goToUpper(text: string): string {
  let result = ''
  for (const character of text) result += oneCharacter(character.toUpperCase(), greekTitleCase(character))
  return result
}

function oneCharacter(changed: string, otherwise: string): string {
  return [...changed].length === 1 ? changed : otherwise
}

/** Greek vowels with iota subscript: the one block where JavaScript's upper case is two characters and Unicode's simple one is not. */
function greekTitleCase(character: string): string {
  const code = character.codePointAt(0) ?? 0
  if (code === 0x1fb3 || code === 0x1fc3 || code === 0x1ff3) return String.fromCodePoint(code + 9)
  const isBlock = code >= 0x1f80 && code <= 0x1faf && (code & 8) === 0
  return isBlock ? String.fromCodePoint(code + 8) : character
}

/** An anchored expression, with shortcuts for the ones that most rules use. */
type Pattern = {
  matches(text: string): boolean
  /** The groups of the first match, `undefined` when there is none. */
  groups(text: string): Groups | undefined
  /** The compiled expression; absent for the default `(.*)`. */
  readonly regex?: RE2JS
}

type Groups = { number(index: number): string; name(name: string): string }

function compilePattern(pattern: string): Pattern {
  if (pattern === '(.*)') return everything
  const regex = compileAnchored(pattern)
  const isPlain = !/[\\.+*?()|[\]{}^$]/.test(pattern)
  const find = (text: string): RegexMatcher | undefined => {
    const matcher = regex.matcher(text)
    return matcher.find() ? matcher : undefined
  }
  return {
    matches: isPlain ? (text) => text === pattern : (text) => find(text) !== undefined,
    groups: (text) => {
      const found = find(text)
      return found === undefined ? undefined : groupsOf(found)
    },
    regex,
  }
}

const everything: Pattern = {
  matches: () => true,
  groups: (text) => ({ number: (index) => (index <= 1 ? text : ''), name: () => '' }),
}

function groupsOf(found: RegexMatcher): Groups {
  return {
    number: (index) => (index <= found.groupCount() ? (found.group(index) ?? '') : ''),
    name: (name) => (Object.hasOwn(found.namedGroups, name) ? (found.group(name) ?? '') : ''),
  }
}

/** A replacement in Go's syntax, taken apart: text, a group by number, a group by name. */
type Template = readonly (string | { readonly index: number } | { readonly group: string })[]

const reference = /^\$(?:\$|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/u

/** `$1`, `${1}`, `$name`, `${name}`; `$$` is a dollar sign, and so is a `$` that begins none of these. */
function parseTemplate(text: string): Template {
  const parts: (string | { readonly index: number } | { readonly group: string })[] = []
  let rest = text
  for (let at = rest.indexOf('$'); at >= 0; at = rest.indexOf('$')) {
    if (at > 0) parts.push(rest.slice(0, at))
    rest = rest.slice(at)
    const match = reference.exec(rest)
    const name = match?.[1] ?? match?.[2]
    if (name === undefined) parts.push('$')
    else if (/^(?:0|[1-9][0-9]{0,7})$/.test(name)) parts.push({ index: Number(name) })
    else parts.push({ group: name })
    rest = rest.slice(match?.[0].length ?? 1)
  }
  if (rest !== '') parts.push(rest)
  return parts
}

function expand(template: Template, groups: Groups): string {
  let text = ''
  for (const part of template) {
    if (typeof part === 'string') text += part
    else text += 'index' in part ? groups.number(part.index) : groups.name(part.group)
  }
  return text
}

/** Go's `ReplaceAllString`: every match, where the pattern's own alternatives escape the anchors there may be two. */
function replaceAll(text: string, pattern: Pattern, replacement: Template): string {
  if (pattern.regex === undefined) return expand(replacement, everything.groups(text) as Groups) // `everything` matches all
  const found = pattern.regex.matcher(text)
  let result = ''
  let end = 0
  while (found.find()) {
    result += text.slice(end, found.start()) + expand(replacement, groupsOf(found))
    end = found.end()
  }
  return result + text.slice(end)
}

/** A label set under change. Keeps the order in which Prometheus walks it: untouched labels, then set ones as they were set. */
class LabelBuilder {
  readonly #base: Labels
  readonly #changed = new Map<string, string>()
  readonly #removed = new Set<string>()

  constructor(base: Labels) {
    this.#base = base
  }

  get(name: string): string {
    const changed = this.#changed.get(name)
    if (changed !== undefined) return changed
    if (this.#removed.has(name)) return ''
    for (const label of this.#base) if (label.name === name) return label.value
    return ''
  }

  /** An empty value removes the label. */
  set(name: string, value: string): void {
    if (value === '') {
      this.#changed.delete(name)
      this.#removed.add(name)
    } else {
      this.#changed.set(name, value)
      this.#removed.delete(name)
    }
  }

  /** The labels as they are now; changes during the walk do not show. */
  entries(): [string, string][] {
    const all: [string, string][] = []
    for (const { name, value } of this.#base)
      if (!this.#changed.has(name) && !this.#removed.has(name)) all.push([name, value])
    for (const entry of this.#changed) all.push(entry)
    return all
  }

  labels(): Labels {
    if (this.#changed.size === 0 && this.#removed.size === 0) return this.#base
    return sortLabels(this.entries().map(([name, value]) => ({ name, value })))
  }
}
