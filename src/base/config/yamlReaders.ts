// Readers of YAML values: each takes a node and gives a typed value, or fails with what it expected there. `fields` reads
// a mapping with a fixed set of keys and reports everything wrong in it at once, unknown keys with the nearest known one.

import { dirname, isAbsolute, join } from 'node:path'
import { parseBytes } from '../bytes.ts'
import { parseDurationMs } from '../duration.ts'
import { parseGoDurationMs } from '../goDuration.ts'
import { didYouMean } from '../nearest.ts'
import { maskedSecret, Secret } from '../secret.ts'
import { ConfigError } from './yaml.ts'
import type { ConfigProblem, YamlNode } from './yaml.ts'

/** `ofNull` is what a key without a value means; without it such a key counts as absent. */
export type Reader<T> = ((node: YamlNode) => T) & { readonly ofNull?: T }

export type Schema = Readonly<Record<string, Reader<unknown>>>

/** What `fields` gives: a key that is not in the file is not in the object. */
export type FieldsOf<S extends Schema> = { readonly [K in keyof S]?: S[K] extends Reader<infer T> ? T : never }

/** Reads a mapping whose keys are those of `schema`. Fails with all problems found in it. */
export function fields<S extends Schema>(node: YamlNode, schema: S): FieldsOf<S> {
  const result: Record<string, unknown> = {}
  const problems: ConfigProblem[] = []
  for (const { key, keyOffset, value } of collect(problems, () => node.entries()) ?? []) {
    const reader = Object.hasOwn(schema, key) ? schema[key] : undefined
    if (reader === undefined) {
      const path = node.path === '' ? key : `${node.path}.${key}`
      problems.push(node.file.problem(keyOffset, path, `unknown key${didYouMean(key, Object.keys(schema))}${expectedKeys(schema)}`))
    } else if (value.isNull) {
      if (reader.ofNull !== undefined) result[key] = reader.ofNull
    } else {
      collect(problems, () => void (result[key] = reader(value)))
    }
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return result as FieldsOf<S> // every key was read by the reader of that key
}

function expectedKeys(schema: Schema): string {
  const keys = Object.keys(schema)
  return keys.length <= 12 ? `; known here: ${keys.join(', ')}` : ''
}

/** Runs `read`; its problems are added to `problems` instead of thrown. */
export function collect<T>(problems: ConfigProblem[], read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    problems.push(...error.problems)
    return undefined
  }
}

/** A list without empty items. */
export function list<T>(item: Reader<T>): Reader<T[]> {
  const read = (node: YamlNode) => {
    const problems: ConfigProblem[] = []
    const values: T[] = []
    for (const one of node.items()) {
      if (one.isNull && item.ofNull === undefined) problems.push(one.problem('empty list item; remove it or fill it in'))
      else collect(problems, () => void values.push(one.isNull && item.ofNull !== undefined ? item.ofNull : item(one)))
    }
    if (problems.length > 0) throw new ConfigError(problems)
    return values
  }
  return Object.assign(read, { ofNull: [] as T[] })
}

/** A mapping with free keys, in file order. */
export function record<T>(value: Reader<T>): Reader<Record<string, T>> {
  const read = (node: YamlNode) => {
    const problems: ConfigProblem[] = []
    const result: [string, T][] = []
    for (const entry of node.entries()) {
      if (entry.value.isNull && value.ofNull === undefined) problems.push(entry.value.problem('expected a value, found nothing'))
      else {
        collect(problems, () => {
          result.push([entry.key, entry.value.isNull && value.ofNull !== undefined ? value.ofNull : value(entry.value)])
        })
      }
    }
    if (problems.length > 0) throw new ConfigError(problems)
    return Object.fromEntries(result)
  }
  return Object.assign(read, { ofNull: {} as Record<string, T> })
}

function scalarText(node: YamlNode, expected: string): string {
  const { text } = node
  if (text === undefined) return node.fail(`expected ${expected}, found ${node.describe()}`)
  return text
}

/** Any scalar as its source text: `true`, `09:00` and `1` stay what they look like. */
export const text: Reader<string> = Object.assign((node: YamlNode) => scalarText(node, 'text'), { ofNull: '' })

/** Like `text`, but a key without a value counts as absent. */
export const optionalText: Reader<string> = (node) => scalarText(node, 'text')

export const bool: Reader<boolean> = Object.assign(readBool, { ofNull: false })

/** Like `bool`, but a key without a value counts as absent. */
export const optionalBool: Reader<boolean> = (node) => readBool(node)

/** As YAML 1.1 has it, because that is what such files are written in. */
function readBool(node: YamlNode): boolean {
  if (node.isPlain && node.text !== undefined) {
    if (/^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/.test(node.text)) return true
    if (/^(?:n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/.test(node.text)) return false
  }
  return node.fail(`expected true or false, found ${node.describe()}`)
}

/** A whole number within a double's exact range. `1e3` is one; of `1.5` the whole part counts, as in Go. */
export const integer: Reader<number> = Object.assign((node: YamlNode) => readInteger(node, 'a whole number'), { ofNull: 0 })

/** Like `integer`, from 0 on. */
export const unsigned: Reader<number> = Object.assign(
  (node: YamlNode) => {
    const expected = 'a whole number from 0 on'
    const value = readInteger(node, expected)
    if (value < 0) return node.fail(`expected ${expected}, found ${node.describe()}`)
    return value
  },
  { ofNull: 0 },
)

function readInteger(node: YamlNode, expected: string): number {
  const written = node.isPlain ? (node.text ?? '').replaceAll('_', '') : ''
  const value = parseInteger(written) ?? (floatPattern.test(written) ? Number(written) : NaN)
  const whole = Math.trunc(value)
  if (!Number.isSafeInteger(whole)) return node.fail(`expected ${expected}, found ${node.describe()}`)
  if (whole !== value) node.warn(`expected ${expected}, found ${node.describe()}; the fraction is ignored`)
  return whole
}

/** Decimal, or with the prefixes of YAML 1.1; without `_`. */
function parseInteger(text: string): number | undefined {
  const match = /^([+-]?)(0x[0-9a-fA-F]+|0o?[0-7]+|0b[01]+|\d+)$/.exec(text)
  if (match?.[2] === undefined) return undefined
  const digits = /^0[0-7]+$/.test(match[2]) ? `0o${match[2].slice(1)}` : match[2]
  return Number(digits) * (match[1] === '-' ? -1 : 1)
}

const floatPattern = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

export const float: Reader<number> = Object.assign(
  (node: YamlNode) => {
    const plain = node.isPlain ? (node.text ?? '').replaceAll('_', '') : ''
    if (floatPattern.test(plain)) return Number(plain)
    if (/^[+-]?\.(?:inf|Inf|INF)$/.test(plain)) return plain.startsWith('-') ? -Infinity : Infinity
    if (/^\.(?:nan|NaN|NAN)$/.test(plain)) return NaN
    return node.fail(`expected a number, found ${node.describe()}`)
  },
  { ofNull: 0 },
)

/** A Prometheus duration in milliseconds. */
export const duration: Reader<number> = Object.assign((node: YamlNode) => readDuration(node), { ofNull: 0 })

/** Like `duration`, but a key without a value counts as absent. */
export const optionalDuration: Reader<number> = (node) => readDuration(node)

function readDuration(node: YamlNode): number {
  const durationMs = parseDurationMs(scalarText(node, 'a duration'))
  if (durationMs === undefined) {
    return node.fail(`expected a duration such as 15s or 1h30m (units y w d h m s ms, in this order), found ${node.describe()}`)
  }
  return durationMs
}

/** A Go duration in milliseconds, not negative. */
export const goDuration: Reader<number> = Object.assign(
  (node: YamlNode) => {
    const durationMs = parseGoDurationMs(scalarText(node, 'a duration'))
    if (durationMs === undefined || durationMs < 0) return node.fail(`expected a duration such as 10s or 1.5m, found ${node.describe()}`)
    return durationMs
  },
  { ofNull: 0 },
)

export const bytes: Reader<number> = Object.assign(
  (node: YamlNode) => {
    const size = parseBytes(scalarText(node, 'a size'))
    if (size === undefined) return node.fail(`expected a size with unit such as 512MB, found ${node.describe()}`)
    return size
  },
  { ofNull: 0 },
)

export const secret: Reader<Secret> = (node) => {
  const value = new Secret(scalarText(node, 'text'))
  node.mask(maskedSecret)
  return value
}

/** A file name, joined to the directory of the file it is written in. Empty stays empty. */
export const filePath: Reader<string> = Object.assign((node: YamlNode) => joinToFile(node, scalarText(node, 'a file name')), { ofNull: '' })

/** Like `filePath`, but a key without a value, or with an empty one, counts as absent. */
export const optionalFile: Reader<string | undefined> = (node) => joinToFile(node, scalarText(node, 'a file name')) || undefined

/** `path` relative to the directory of the configuration that `node` is in. */
export function joinToFile(node: YamlNode, path: string): string {
  return path === '' || isAbsolute(path) ? path : join(dirname(node.file.file), path)
}

/** One of a few words. */
export function oneOf<T extends string>(...words: readonly T[]): Reader<T> {
  return (node) => {
    const found = words.find((word) => word === node.text)
    if (found === undefined) return node.fail(`expected ${words.join(', ')}, found ${node.describe()}${didYouMean(node.text ?? '', words)}`)
    return found
  }
}

/** An absolute http or https URL; the text as written. */
export const httpUrl: Reader<string> = (node) => {
  const value = scalarText(node, 'a URL')
  checkHttpUrl(node, value)
  return value
}

/** Like `httpUrl`, for a URL that is a secret. */
export const secretUrl: Reader<Secret> = (node) => {
  const value = scalarText(node, 'a URL')
  node.mask(maskedSecret)
  if (value !== maskedSecret) checkHttpUrl(node, value)
  return new Secret(value)
}

function checkHttpUrl(node: YamlNode, value: string): void {
  if (!URL.canParse(value)) node.fail('expected a URL such as http://host:port/path')
  const { protocol, hostname } = new URL(value)
  if (protocol !== 'http:' && protocol !== 'https:') node.fail(`expected a URL with scheme http or https, found ${protocol.slice(0, -1)}`)
  if (hostname === '') node.fail('expected a URL with a host')
}

/** Anything, as plain objects, lists and scalars (numbers, booleans and null where written plain); secrets that were found before are masked. */
export const tree: Reader<unknown> = (node) => {
  if (node.isNull) return null
  if (node.isList) return node.items().map(tree)
  if (node.isMapping) return Object.fromEntries(node.entries().map((entry) => [entry.key, tree(entry.value)]))
  const value = node.shownText ?? ''
  if (!node.isPlain) return value
  if (/^(?:true|True|TRUE)$/.test(value)) return true
  if (/^(?:false|False|FALSE)$/.test(value)) return false
  if (/^[-+]?(?:0|[1-9]\d*)$/.test(value) && Number.isSafeInteger(Number(value))) return Number(value)
  if (/^[-+]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?$/.test(value)) return Number(value)
  return value
}

const secretKey = /(?:password|passwd|secret|secret_key|token|credentials|api_key|private_key|routing_key|service_key|user_key|application_key|sas)$/

/** Masks every scalar below `node` whose key says that it is a secret; for sections that are not read in detail. */
export function maskSecrets(node: YamlNode, key = ''): void {
  if (node.isList) for (const item of node.items()) maskSecrets(item, key)
  else if (node.isMapping) for (const entry of node.entries()) maskSecrets(entry.value, entry.key)
  else if (secretKey.test(key)) node.mask(maskedSecret)
}
