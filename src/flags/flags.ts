// The command line in the syntax of Prometheus (kingpin): `--name value`, `--name=value`, `--bool`, `--no-bool`, `@file` for
// more arguments. What the values mean is options.ts.

import { readFileSync } from 'node:fs'
import { errorText } from '../base/assert.ts'
import { parseBytes } from '../base/bytes.ts'
import { parseDurationMs } from '../base/duration.ts'
import { didYouMean } from '../base/nearest.ts'
import { allFlags, flagTable, type Flag } from './flagTable.ts'
import { buildOptions, type Options } from './options.ts'
import { UsageError } from './usageError.ts'

export type Command = { readonly kind: 'run'; readonly options: Options } | { readonly kind: 'help' } | { readonly kind: 'version' }

/** Reads the arguments (without node and script). Throws `UsageError`. */
export function parseFlags(args: readonly string[]): Command {
  const given = new Map<string, string[]>()
  const expanded = args.flatMap(expandArgumentFile)
  for (let i = 0; i < expanded.length; i++) {
    const argument = expanded[i] ?? ''
    if (argument === '-h' || argument === '--help' || argument === '--help-long' || argument === '--help-man') return { kind: 'help' }
    if (argument === '--version') return { kind: 'version' }
    if (!argument.startsWith('--')) throw new UsageError(argument.startsWith('-') ? `unknown short flag '${argument}'` : `unexpected ${argument}`)
    const [, name = '', inline] = /^--([^=]*)(?:=(.*))?$/s.exec(argument) ?? []
    const { flag, isNegated } = findFlag(name)
    const values = given.get(flag.name) ?? []
    if (values.length > 0 && flag.kind !== 'list') throw new UsageError(`flag '${flag.name}' cannot be repeated`)
    values.push(readValue(flag, { name, isNegated, inline, next: () => expanded[++i] }))
    given.set(flag.name, values)
  }
  return { kind: 'run', options: buildOptions(given) }
}

function expandArgumentFile(argument: string): string[] {
  if (!argument.startsWith('@')) return [argument]
  try {
    return readFileSync(argument.slice(1), 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  } catch (error) {
    throw new UsageError(`cannot read arguments from ${argument.slice(1)}: ${errorText(error)}`)
  }
}

const removedFlags: Readonly<Record<string, string>> = {
  'storage.tsdb.retention': 'use --storage.tsdb.retention.time',
  'alertmanager.timeout': 'use "timeout" of alerting.alertmanagers in the configuration file',
  'storage.tsdb.allow-overlapping-blocks': 'overlapping data is always allowed',
}

function findFlag(name: string): { flag: Flag; isNegated: boolean } {
  const flag = allFlags.find((one) => one.name === name)
  if (flag !== undefined) return { flag, isNegated: false }
  const negated = name.startsWith('no-') ? allFlags.find((one) => one.kind === 'bool' && one.name === name.slice(3)) : undefined
  if (negated !== undefined) return { flag: negated, isNegated: true }
  const advice = removedFlags[name]
  if (advice !== undefined) throw new UsageError(`flag '--${name}' was removed from Prometheus: ${advice}`)
  const nearest = didYouMean(name, allFlags.map((one) => one.name)).replace('"', '"--')
  throw new UsageError(`unknown long flag '--${name}'${nearest}`)
}

type ValueSource = {
  readonly name: string
  readonly isNegated: boolean
  readonly inline: string | undefined
  readonly next: () => string | undefined
}

function readValue(flag: Flag, { name, isNegated, inline, next }: ValueSource): string {
  if (flag.kind === 'bool') {
    if (isNegated && inline !== undefined) throw new UsageError(`flag '--${name}' takes no value`)
    const value = isNegated ? 'false' : (inline ?? 'true')
    if (!/^(?:1|t|T|true|TRUE|True|0|f|F|false|FALSE|False)$/.test(value)) throw new UsageError(`flag '--${name}': expected true or false, found "${value}"`)
    return /^[1tT]/.test(value) ? 'true' : 'false'
  }
  const value = inline ?? next()
  if (value === undefined) throw new UsageError(`expected argument for flag '--${name}'`)
  const problem = valueProblem(flag, value)
  if (problem !== undefined) throw new UsageError(`flag '--${name}': ${problem}, found "${value}"`)
  return value
}

function valueProblem(flag: Flag, value: string): string | undefined {
  switch (flag.kind) {
    case 'duration':
      return parseDurationMs(value) === undefined ? 'expected a duration such as 15s, 2h or 15d' : undefined
    case 'size':
      return parseBytes(value) === undefined ? 'expected a size with unit such as 512MB' : undefined
    case 'integer':
      return /^[+-]?\d+(?:e\d+)?$/.test(value) && Number.isSafeInteger(Number(value)) ? undefined : 'expected a whole number'
    case 'float':
      return value.trim() !== '' && Number.isFinite(Number(value)) ? undefined : 'expected a number'
    default:
      return undefined
  }
}

/** The text of `--help`. */
export function helpText(): string {
  const lines = flagTable
    .filter((flag) => flag.isIgnored !== true)
    .map(({ name, kind, default: byDefault, help }) => {
      const form = kind === 'bool' ? `--[no-]${name}` : `--${name}=${byDefault === '' ? '...' : JSON.stringify(byDefault)}`
      return `  ${form}\n      ${help}`
    })
  return [
    'usage: solowatch [<flags>]',
    '',
    'Prometheus and Alertmanager for a small team, in one process on one machine.',
    '',
    'Flags:',
    '  -h, --help\n      Show this text.',
    '  --version\n      Show the version.',
    ...lines,
    '',
    'Commands: check DIR, inspect DIR, backup DIR, tsdb create-blocks-from openmetrics FILE (each with --help).',
    '',
    'The other flags of Prometheus and Alertmanager are accepted; one that has no effect is named in a warning.',
    '',
  ].join('\n')
}
