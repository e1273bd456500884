// The functions every Go template has: comparison, indexing, printing and escaping. `and` and `or` stop early and are part
// of the executor; they stand here only to be known to the parser.

import { sprint, sprintf, sprintln } from '../go/goFormat.ts'
import {
  baseOf,
  CallError,
  Complex,
  Dict,
  isTrue,
  kindOf,
  List,
  parameter,
  typeName,
  type FunctionTable,
  type ParameterType,
  type TemplateFunction,
  type Value,
} from '../go/value.ts'

const { any } = parameter

const variadic = (parameters: readonly ParameterType[], call: TemplateFunction['call']): TemplateFunction => ({ parameters, variadic: true, call })
const fixed = (parameters: readonly ParameterType[], call: TemplateFunction['call']): TemplateFunction => ({ parameters, call })

const incompatible = 'incompatible types for comparison'
const invalid = 'invalid type for comparison'

function isBasic(value: Value): boolean {
  const kind = kindOf(value)
  return kind !== 'nil' && kind !== 'list' && kind !== 'dict' && kind !== 'struct'
}

function equals(a: Value, b: Value): boolean {
  const kinds = [isBasic(a) ? kindOf(a) : 'other', isBasic(b) ? kindOf(b) : 'other']
  if (kinds[0] !== kinds[1]) {
    if (a !== null && b !== null) throw new CallError(incompatible)
    return false
  }
  if (kinds[0] !== 'other') {
    const [x, y] = [baseOf(a), baseOf(b)]
    return x instanceof Complex && y instanceof Complex ? x.real === y.real && x.imaginary === y.imaginary : x === y
  }
  if (a === null || b === null) return a === b
  for (const value of [a, b]) {
    if (value instanceof List || value instanceof Dict) throw new CallError(`non-comparable type ${sprint([value])}: ${typeName(value)}`)
  }
  return a === b
}

function less(a: Value, b: Value): boolean {
  for (const value of [a, b]) if (!isBasic(value)) throw new CallError(invalid)
  if (kindOf(a) !== kindOf(b)) throw new CallError(incompatible)
  const [x, y] = [baseOf(a), baseOf(b)]
  if (typeof x === 'bigint' && typeof y === 'bigint') return x < y
  if (typeof x === 'number' && typeof y === 'number') return x < y
  if (typeof x === 'string' && typeof y === 'string') return Buffer.compare(Buffer.from(x), Buffer.from(y)) < 0
  throw new CallError(invalid)
}

const equalsAny = ([first, ...rest]: readonly Value[]): boolean => {
  if (rest.length === 0) throw new CallError('missing argument for comparison')
  return rest.some((value) => equals(first ?? null, value))
}

function indexNumber(index: Value | undefined, length: number): number {
  const base = baseOf(index ?? null)
  if (base === null) throw new CallError('cannot index slice/array with nil')
  if (typeof base !== 'bigint') throw new CallError(`cannot index slice/array with type ${typeName(index ?? null)}`)
  if (base < 0n || base > BigInt(length)) throw new CallError(`index out of range: ${base}`)
  return Number(base)
}

function elementAt(item: Value, index: Value): Value {
  if (item instanceof Dict) {
    if (index === null) throw new CallError('value is nil; should be of type string')
    const key = baseOf(index)
    if (typeof key !== 'string') throw new CallError(`value has type ${typeName(index)}; should be string`)
    return item.entries.get(key) ?? item.missing
  }
  const base = baseOf(item)
  if (base instanceof List) return elementOf(base.items, index)
  if (typeof base === 'string') return elementOf([...Buffer.from(base)].map((byte) => BigInt(byte)), index)
  throw new CallError(item === null ? 'index of untyped nil' : `can't index item of type ${typeName(item)}`)
}

function elementOf(items: readonly Value[], index: Value): Value {
  const position = indexNumber(index, items.length)
  const element = items[position]
  if (element === undefined) throw new CallError('reflect: slice index out of range')
  return element
}

function slice(args: readonly Value[]): Value {
  const [item = null, ...indexes] = args
  if (item === null) throw new CallError('slice of untyped nil')
  if (indexes.length > 3) throw new CallError(`too many slice indexes: ${indexes.length}`)
  const base = baseOf(item)
  const isText = typeof base === 'string'
  if (isText && indexes.length === 3) throw new CallError('cannot 3-index slice a string')
  if (!isText && !(base instanceof List)) throw new CallError(`can't slice item of type ${typeName(item)}`)
  const bytes = isText ? Buffer.from(base) : undefined
  const length = bytes?.length ?? (base as List).items.length // not a text, so a list
  const bounds = [0, length, length]
  indexes.forEach((index, i) => (bounds[i] = indexNumber(index, length)))
  const [from = 0, to = 0, capacity = 0] = bounds
  if (from > to) throw new CallError(`invalid slice index: ${from} > ${to}`)
  if (indexes.length === 3 && to > capacity) throw new CallError(`invalid slice index: ${to} > ${capacity}`)
  return bytes === undefined ? new List((base as List).type, (base as List).items.slice(from, to)) : bytes.subarray(from, to).toString()
}

function length(value: Value): bigint {
  const base = baseOf(value)
  if (typeof base === 'string') return BigInt(Buffer.byteLength(base))
  if (base instanceof List) return BigInt(base.items.length)
  if (base instanceof Dict) return BigInt(base.entries.size)
  throw new CallError(value === null ? 'reflect: call of reflect.Value.Type on zero Value' : `len of type ${typeName(value)}`)
}

/** The arguments of `html`, `js` and `urlquery` as one text. */
function argumentText(args: readonly Value[]): string {
  const [only] = args
  return args.length === 1 && typeof only === 'string' ? only : sprint(args.map((arg) => arg ?? '<no value>'))
}

const htmlEscapes: Readonly<Record<string, string>> = { '\0': '\ufffd', '"': '&#34;', "'": '&#39;', '&': '&amp;', '<': '&lt;', '>': '&gt;' }

/** Go's `template.HTMLEscapeString`. */
function escapeHtml(text: string): string {
  return text.replace(/[\0"'&<>]/g, (character) => htmlEscapes[character] ?? character)
}

/** Go's `template.JSEscapeString`. */
function escapeJs(text: string): string {
  return text.replace(/[\\'"<>&=]|[\x00-\x1f\x7f]|[^\x00-\x7f]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0
    if (character === '\\' || character === "'" || character === '"') return `\\${character}`
    if (code > 0x7f && /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(character)) return character
    return `\\u${code.toString(16).toUpperCase().padStart(4, '0')}`
  })
}

/** Go's `url.QueryEscape`: space becomes `+`. */
export function escapeQuery(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
}

const builtins: FunctionTable = {
  and: variadic([any, any], ([first]) => first ?? null),
  or: variadic([any, any], ([first]) => first ?? null),
  not: fixed([any], ([value]) => !isTrue(value ?? null)),
  eq: variadic([any, any], equalsAny),
  ne: fixed([any, any], ([a = null, b = null]) => !equals(a, b)),
  lt: fixed([any, any], ([a = null, b = null]) => less(a, b)),
  le: fixed([any, any], ([a = null, b = null]) => less(a, b) || equals(a, b)),
  gt: fixed([any, any], ([a = null, b = null]) => !(less(a, b) || equals(a, b))),
  ge: fixed([any, any], ([a = null, b = null]) => !less(a, b)),
  len: fixed([any], ([value]) => length(value ?? null)),
  index: variadic([any, any], ([item = null, ...indexes]) => {
    if (item === null) throw new CallError('index of untyped nil')
    return indexes.reduce<Value>((element, index) => elementAt(element, index), item)
  }),
  slice: variadic([any, any], slice),
  print: variadic([any], (args) => sprint(args)),
  println: variadic([any], (args) => sprintln(args)),
  printf: variadic([parameter.string, any], ([format, ...args]) => sprintf(String(format), args)),
  html: variadic([any], (args) => escapeHtml(argumentText(args))),
  js: variadic([any], (args) => escapeJs(argumentText(args))),
  urlquery: variadic([any], (args) => escapeQuery(argumentText(args))),
  call: variadic([any, any], ([value = null]) => {
    throw new CallError(value === null ? 'call of nil' : `non-function of type ${typeName(value)}`)
  }),
}

/** Go's functions and those of `functions`. */
export function withBuiltins(functions: FunctionTable): FunctionTable {
  return { ...builtins, ...functions }
}
