// Functions on the labels of an instant vector: `label_replace`, `label_join`.

import type { RE2JS } from 're2js'
import { labelValue } from '../../storage/model/labels.ts'
import { compileAnchored } from '../../storage/model/matcher.ts'
import { QueryError } from '../queryError.ts'
import { setLabel } from '../values/labelProjection.ts'
import { joinEqualSeries } from '../values/labelSets.ts'
import { stringArg, vectorArg, type InstantFunction } from './elementwise.ts'

export const labelReplace: InstantFunction = (args) => {
  const { series } = vectorArg(args, 0)
  const [target, replacement, source, pattern] = [1, 2, 3, 4].map((index) => stringArg(args, index)) as [string, string, string, string]
  const regex = compileReplacePattern(pattern)
  if (target === '') throw new QueryError('execution', 'invalid destination label name in label_replace(): ')
  const replaced = new Map<string, string | undefined>()
  const replacementOf = (value: string): string | undefined => {
    if (!replaced.has(value)) replaced.set(value, expand(regex, value, replacement))
    return replaced.get(value)
  }
  const changed = series.map((one) => {
    const value = replacementOf(labelValue(one.labels, source))
    return value === undefined ? one : { ...one, labels: setLabel(one.labels, target, value) }
  })
  return { kind: 'vector', series: joinEqualSeries(changed) }
}

function compileReplacePattern(pattern: string): RE2JS {
  try {
    return compileAnchored(pattern)
  } catch (error) {
    throw new QueryError('execution', `invalid regular expression in label_replace(): ${pattern}`, { cause: error })
  }
}

/** `$1`, `${1}`, `$name` and `${name}` replaced by what the groups matched, `$$` by `$`; undefined when nothing matches. */
function expand(regex: RE2JS, value: string, template: string): string | undefined {
  const match = regex.matcher(value)
  if (!match.matches()) return undefined
  const names = regex.namedGroups()
  return template.replace(/\$(?:\$|(\w+)|\{(\w+)\})/g, (whole, bare?: string, braced?: string) => {
    const name = bare ?? braced
    if (name === undefined) return whole === '$$' ? '$' : whole
    const group = /^\d+$/.test(name) ? Number(name) : names[name]
    if (group === undefined || group > match.groupCount()) return ''
    return match.group(group) ?? ''
  })
}

export const labelJoin: InstantFunction = (args) => {
  const { series } = vectorArg(args, 0)
  const target = stringArg(args, 1)
  const separator = stringArg(args, 2)
  const sources = args.slice(3).map((_, index) => stringArg(args, index + 3))
  if (sources.includes('')) throw new QueryError('execution', 'invalid source label name in label_join(): ')
  if (target === '') throw new QueryError('execution', 'invalid destination label name in label_join(): ')
  const changed = series.map((one) => {
    const value = sources.map((source) => labelValue(one.labels, source)).join(separator)
    return { ...one, labels: setLabel(one.labels, target, value) }
  })
  return { kind: 'vector', series: joinEqualSeries(changed) }
}
