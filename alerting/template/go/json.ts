// Template values as JSON, the way Go's encoding/json prints them: struct fields by their JSON names, maps by sorted key.

import { formatLayout } from './goLayout.ts'
import { baseOf, CallError, Complex, Dict, GoTime, List, sortedEntries, Struct, type Value } from './value.ts'

/** Objects become maps, so that keys that look like numbers keep their place. Throws `CallError` for what JSON cannot hold. */
export function toJsonValue(value: Value): unknown {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (value instanceof GoTime) return formatLayout(value, '2006-01-02T15:04:05.999999999Z07:00')
  const base = baseOf(value)
  if (typeof base === 'number' && !Number.isFinite(base)) {
    throw new CallError(`json: unsupported value: ${base === Infinity ? '+Inf' : base === -Infinity ? '-Inf' : 'NaN'}`)
  }
  if (base instanceof List) return base.items.map(toJsonValue)
  if (base instanceof Dict) return new Map(sortedEntries(base).map(([key, item]) => [key, toJsonValue(item)]))
  if (base instanceof Struct) {
    const names = base.type.jsonNames ?? {}
    return new Map([...base.fields].map(([name, item]) => [names[name] ?? name, toJsonValue(item)]))
  }
  if (base instanceof Complex) throw new CallError('json: unsupported type: complex128')
  return base
}

/** Prints what `toJsonValue` returned, with `<`, `>` and `&` as escapes. */
export function printJson(value: unknown): string {
  return print(value).replace(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function print(value: unknown): string {
  if (value instanceof Map) return `{${[...value].map(([key, item]) => `${JSON.stringify(key)}:${print(item)}`).join(',')}}`
  if (Array.isArray(value)) return `[${value.map(print).join(',')}]`
  return typeof value === 'bigint' ? value.toString() : JSON.stringify(value)
}
