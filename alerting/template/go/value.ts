// The values a template sees, as Go would type them: an int is a bigint, a float64 is a number, so that `eq 5 5.0` can fail
// as it does in Go. Lists, maps and structs name their Go type for messages and carry their methods.

export type Value = null | boolean | bigint | number | string | Complex | Defined | List | Dict | Struct | GoTime

/** What a function or method takes at one place. */
export type ParameterType = {
  /** As Go prints the type. */
  readonly name: string
  /** Which constants may stand there: a literal `5` passes for an `int` and for a `float64`. */
  readonly constant: 'any' | 'int' | 'float' | 'string' | 'bool' | 'none'
  accepts(value: Value): boolean
}

export type TemplateFunction = {
  readonly parameters: readonly ParameterType[]
  /** The last parameter may be repeated, or left out. */
  readonly variadic?: boolean
  /** Throws `CallError` for what Go's function would return as an error. For methods the first value is the receiver. */
  call(args: readonly Value[]): Value
}

export type FunctionTable = Readonly<Record<string, TemplateFunction>>

/** A function's own error; the executor adds where it happened. */
export class CallError extends Error {}

export type TypeInfo = {
  readonly name: string
  readonly methods?: FunctionTable
  /** Field names in JSON, for structs. */
  readonly jsonNames?: Readonly<Record<string, string>>
  /** Go's `String()`, when the type has one. */
  toText?(value: Value): string
}

/** A value of a defined type over a basic kind, such as `time.Duration` or `template.HTML`. */
export class Defined {
  readonly type: TypeInfo
  readonly value: bigint | number | string
  constructor(type: TypeInfo, value: bigint | number | string) {
    this.type = type
    this.value = value
  }
}

/** Go's `complex128`. */
export class Complex {
  readonly real: number
  readonly imaginary: number
  constructor(real: number, imaginary: number) {
    this.real = real
    this.imaginary = imaginary
  }
}

/** A slice or array. */
export class List {
  readonly type: TypeInfo
  readonly items: readonly Value[]
  constructor(type: TypeInfo, items: readonly Value[]) {
    this.type = type
    this.items = items
  }
}

/** A map with string keys. */
export class Dict {
  readonly type: TypeInfo
  /** What a missing key gives: `''` in a map of strings, `null` in a map of anything. */
  readonly missing: Value
  readonly entries: ReadonlyMap<string, Value>
  constructor(type: TypeInfo, missing: Value, entries: ReadonlyMap<string, Value>) {
    this.type = type
    this.missing = missing
    this.entries = entries
  }
}

/** Its exported fields, by their names. */
export class Struct {
  readonly type: TypeInfo
  readonly fields: ReadonlyMap<string, Value>
  constructor(type: TypeInfo, fields: Readonly<Record<string, Value>>) {
    this.type = type
    this.fields = new Map(Object.entries(fields))
  }
}

/** Go's `time.Time`. The zone is a name of the time zone database, or `UTC`. */
export class GoTime {
  readonly type: TypeInfo
  readonly unixNs: bigint
  readonly zone: string
  constructor(type: TypeInfo, unixNs: bigint, zone: string) {
    this.type = type
    this.unixNs = unixNs
    this.zone = zone
  }
}

const stringListType: TypeInfo = { name: '[]string' }
export const anyListType: TypeInfo = { name: '[]interface {}' }
export const anyDictType: TypeInfo = { name: 'map[string]interface {}' }
const stringDictType: TypeInfo = { name: 'map[string]string' }

/** A `[]string`. */
export function stringList(items: readonly string[]): List {
  return new List(stringListType, items)
}

/** A `map[string]string`. */
export function stringDict(entries: Iterable<readonly [string, string]>): Dict {
  return new Dict(stringDictType, '', new Map(entries))
}

/** Go's `%T`; `nil` for an untyped nil. */
export function typeName(value: Value): string {
  if (value === null) return 'nil'
  switch (typeof value) {
    case 'boolean':
      return 'bool'
    case 'bigint':
      return 'int'
    case 'number':
      return 'float64'
    case 'string':
      return 'string'
    default:
      return value instanceof Complex ? 'complex128' : value.type.name
  }
}

export type Kind = 'nil' | 'bool' | 'int' | 'float' | 'string' | 'complex' | 'list' | 'dict' | 'struct'

/** The kind below a defined type. */
export function kindOf(value: Value): Kind {
  const base = baseOf(value)
  if (base === null) return 'nil'
  switch (typeof base) {
    case 'boolean':
      return 'bool'
    case 'bigint':
      return 'int'
    case 'number':
      return 'float'
    case 'string':
      return 'string'
    default:
      if (base instanceof List) return 'list'
      if (base instanceof Dict) return 'dict'
      return base instanceof Complex ? 'complex' : 'struct'
  }
}

/** The basic value of a defined type, any other value itself. */
export function baseOf(value: Value): Exclude<Value, Defined> {
  return value instanceof Defined ? value.value : value
}

/** What `if`, `with`, `and`, `or` and `not` take for true: everything but false, 0, nil and what is empty. */
export function isTrue(value: Value): boolean {
  const base = baseOf(value)
  if (base === null) return false
  switch (typeof base) {
    case 'boolean':
      return base
    case 'bigint':
      return base !== 0n
    case 'number':
      return base !== 0
    case 'string':
      return base !== ''
    default:
      if (base instanceof List) return base.items.length > 0
      if (base instanceof Dict) return base.entries.size > 0
      if (base instanceof Complex) return base.real !== 0 || base.imaginary !== 0
      return true
  }
}

/** The methods of a value. */
export function methodsOf(value: Value): FunctionTable | undefined {
  return value instanceof Object && !(value instanceof Complex) ? value.type.methods : undefined
}

/** Map entries in the order Go ranges over and prints them: by key in byte order. */
export function sortedEntries(dict: Dict): readonly (readonly [string, Value])[] {
  return [...dict.entries].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

/** Parameter types by name; `any` takes everything, nil included. */
export const parameter = {
  any: { name: 'interface {}', constant: 'any', accepts: () => true },
  string: { name: 'string', constant: 'string', accepts: (value) => typeof value === 'string' },
  int: { name: 'int', constant: 'int', accepts: (value) => typeof value === 'bigint' },
  float: { name: 'float64', constant: 'float', accepts: (value) => typeof value === 'number' },
  stringList: { name: '[]string', constant: 'none', accepts: (value) => value instanceof List && value.items.every((item) => typeof item === 'string') },
  anyList: { name: '[]interface {}', constant: 'none', accepts: (value) => value instanceof List && value.type.name === '[]interface {}' },
} as const satisfies Record<string, ParameterType>

/** A parameter that takes the values of one Go type. */
export function parameterOf(name: string, constant: ParameterType['constant'] = 'none'): ParameterType {
  return { name, constant, accepts: (value) => typeName(value) === name }
}
