// Go's fmt over template values: Sprint, Sprintln and Sprintf with its verbs, flags, argument indexes and error forms such
// as `%!d(string=x)`. Wrong arguments never fail, they print what is wrong, as in Go.

import { formatBinaryFloat, formatFloat, formatHexFloat } from './goNumber.ts'
import { isPrintable, quote, quoteRune } from './goQuote.ts'
import { Complex, Defined, Dict, List, sortedEntries, Struct, typeName, type Value } from './value.ts'

type Flags = {
  /** `%#v` and `%+v`, which mean something else than the flags with other verbs. */
  goSyntax: boolean
  fieldNames: boolean
  plus: boolean
  minus: boolean
  sharp: boolean
  space: boolean
  zero: boolean
  width: number | undefined
  precision: number | undefined
}

const noFlags: Flags = { goSyntax: false, fieldNames: false, plus: false, minus: false, sharp: false, space: false, zero: false, width: undefined, precision: undefined }

/** Widths and precisions beyond this are an error in Go too. */
const maxWidth = 1_000_000

/** `fmt.Sprint`: a space between operands when neither is a string. */
export function sprint(values: readonly Value[]): string {
  let text = ''
  values.forEach((value, i) => {
    if (i > 0 && typeof value !== 'string' && typeof values[i - 1] !== 'string') text += ' '
    text += formatOne(value, 'v', noFlags)
  })
  return text
}

/** `fmt.Sprintln`. */
export function sprintln(values: readonly Value[]): string {
  return `${values.map((value) => formatOne(value, 'v', noFlags)).join(' ')}\n`
}

/** `fmt.Sprintf`. */
export function sprintf(format: string, values: readonly Value[]): string {
  return new Printer(format, values).print()
}

class Printer {
  readonly #format: string
  readonly #values: readonly Value[]
  #position = 0
  #argument = 0
  #reordered = false
  #everReordered = false
  #goodIndex = true

  constructor(format: string, values: readonly Value[]) {
    this.#format = format
    this.#values = values
  }

  print(): string {
    let out = ''
    while (this.#position < this.#format.length) {
      const next = this.#format.indexOf('%', this.#position)
      if (next < 0) {
        out += this.#format.slice(this.#position)
        break
      }
      out += this.#format.slice(this.#position, next)
      this.#position = next + 1
      out += this.#directive()
    }
    if (!this.#everReordered && this.#argument < this.#values.length) {
      const extra = this.#values.slice(this.#argument).map((value) => (value === null ? '<nil>' : `${typeName(value)}=${formatOne(value, 'v', noFlags)}`))
      out += `%!(EXTRA ${extra.join(', ')})`
    }
    return out
  }

  #directive(): string {
    let problems = ''
    this.#goodIndex = true
    this.#reordered = false
    const flags = this.#readFlags()
    let afterIndex = this.#readIndex()
    if (this.#peek() === '*') {
      this.#position++
      const width = this.#starArgument()
      if (width === undefined) problems += '%!(BADWIDTH)'
      else if (width < 0) {
        flags.width = -width
        flags.minus = true
        flags.zero = false
      } else flags.width = width
      afterIndex = false
    } else {
      const width = this.#readNumber()
      if (width !== undefined) {
        flags.width = width
        if (afterIndex) this.#goodIndex = false
      }
    }
    if (this.#peek() === '.') {
      this.#position++
      if (afterIndex) this.#goodIndex = false
      afterIndex = this.#readIndex()
      if (this.#peek() === '*') {
        this.#position++
        const precision = this.#starArgument()
        if (precision === undefined) problems += '%!(BADPREC)'
        else if (precision >= 0) flags.precision = precision
        else problems += '%!(BADPREC)'
        afterIndex = false
      } else flags.precision = this.#readNumber() ?? 0
    }
    if (!afterIndex) this.#readIndex()
    const code = this.#format.codePointAt(this.#position)
    if (code === undefined) return `${problems}%!(NOVERB)`
    const verb = String.fromCodePoint(code)
    this.#position += verb.length
    if (verb === '%') return `${problems}%`
    if (!this.#goodIndex) return `${problems}%!${verb}(BADINDEX)`
    const value = this.#values[this.#argument]
    if (value === undefined) return `${problems}%!${verb}(MISSING)`
    this.#argument++
    const ofV = verb === 'v' ? { goSyntax: flags.sharp, fieldNames: flags.plus, sharp: false, plus: false } : {}
    return problems + formatOne(value, verb, { ...flags, ...ofV })
  }

  #peek(): string {
    return this.#format[this.#position] ?? ''
  }

  #readFlags(): Flags {
    const flags = { ...noFlags }
    for (; ; this.#position++) {
      switch (this.#peek()) {
        case '#':
          flags.sharp = true
          break
        case '0':
          flags.zero = true
          break
        case '+':
          flags.plus = true
          break
        case '-':
          flags.minus = true
          break
        case ' ':
          flags.space = true
          break
        default:
          if (flags.minus) flags.zero = false
          return flags
      }
    }
  }

  #readNumber(): number | undefined {
    const digits = /^\d+/.exec(this.#format.slice(this.#position, this.#position + 10))?.[0]
    if (digits === undefined) return undefined
    this.#position += digits.length
    const value = Number(digits)
    return value > maxWidth ? undefined : value
  }

  /** `[3]`: the next operand by number. Returns whether there was one. */
  #readIndex(): boolean {
    if (this.#peek() !== '[') return false
    this.#reordered = this.#everReordered = true
    const close = this.#format.indexOf(']', this.#position)
    if (close < 0) {
      this.#goodIndex = false
      this.#position++
      return false
    }
    const text = this.#format.slice(this.#position + 1, close)
    this.#position = close + 1
    const index = /^\d+$/.test(text) ? Number(text) : 0
    if (index < 1 || index > this.#values.length) {
      this.#goodIndex = false
      return this.#reordered
    }
    this.#argument = index - 1
    return true
  }

  #starArgument(): number | undefined {
    const value = this.#values[this.#argument]
    if (value !== undefined) this.#argument++
    if (typeof value !== 'bigint' || value > maxWidth || value < -maxWidth) return undefined
    return Number(value)
  }
}

/** Pads to the width; zero padding goes after the sign of a number and is done there. */
function pad(text: string, flags: Flags): string {
  const missing = (flags.width ?? 0) - [...text].length
  if (missing <= 0) return text
  if (flags.minus) return text + ' '.repeat(missing)
  return (flags.zero ? '0' : ' ').repeat(missing) + text
}

function formatOne(value: Value, verb: string, flags: Flags): string {
  if (value === null) return verb === 'T' || verb === 'v' ? pad('<nil>', flags) : badVerb(value, verb, flags)
  if (verb === 'T') return formatString(typeName(value), 's', flags, value)
  if (verb === 'p') return badVerb(value, verb, flags)
  return formatValue(value, verb, flags, 0)
}

/** The flags stay in force for the value that is shown. */
function badVerb(value: Value, verb: string, flags: Flags): string {
  return value === null ? `%!${verb}(<nil>)` : `%!${verb}(${typeName(value)}=${formatValue(value, 'v', flags, 0)})`
}

function formatValue(value: Value, verb: string, flags: Flags, depth: number): string {
  if (value === null) return verb === 'v' ? pad('<nil>', flags) : badVerb(value, verb, flags)
  const { goSyntax } = flags
  if (value instanceof Object && !(value instanceof Complex) && value.type.toText !== undefined && !goSyntax) {
    if ('vsxXq'.includes(verb)) return formatString(value.type.toText(value), verb, flags, value)
  }
  switch (typeof value) {
    case 'boolean':
      return verb === 't' || verb === 'v' ? pad(String(value), flags) : badVerb(value, verb, flags)
    case 'bigint':
      return formatInt(value, verb, flags, value)
    case 'number':
      return formatNumber(value, verb, flags, value)
    case 'string':
      return formatString(value, verb, flags, value)
  }
  if (value instanceof Defined) {
    if (typeof value.value === 'bigint') return formatInt(value.value, verb, flags, value)
    if (typeof value.value === 'number') return formatNumber(value.value, verb, flags, value)
    return formatString(value.value, verb, flags, value)
  }
  if (value instanceof Complex) {
    const part = (number: number, plus: boolean): string => formatNumber(number, verb, { ...flags, plus: plus || flags.plus }, value)
    return 'vbeEfFgGxX'.includes(verb) ? `(${part(value.real, false)}${part(value.imaginary, true)}i)` : badVerb(value, verb, flags)
  }
  const inner = (item: Value): string => formatValue(item, verb, flags, depth + 1)
  if (value instanceof List) {
    const items = value.items.map(inner)
    return goSyntax ? `${value.type.name}{${items.join(', ')}}` : `[${items.join(' ')}]`
  }
  if (value instanceof Dict) {
    const entries = sortedEntries(value).map(([key, item]) => `${inner(key)}:${inner(item)}`)
    return goSyntax ? `${value.type.name}{${entries.join(', ')}}` : `map[${entries.join(' ')}]`
  }
  if (value instanceof Struct) {
    const named = goSyntax || flags.fieldNames
    const pointer = value.type.name.startsWith('*')
    const fields = [...value.fields].map(([name, field]) => (named ? `${name}:` : '') + inner(field))
    const name = value.type.name.replace('*', '')
    return `${pointer ? '&' : ''}${goSyntax ? `${name}{${fields.join(', ')}}` : `{${fields.join(' ')}}`}`
  }
  return badVerb(value, verb, flags)
}

function formatString(text: string, verb: string, flags: Flags, value: Value): string {
  const cut = flags.precision === undefined ? text : [...text].slice(0, flags.precision).join('')
  switch (verb) {
    case 'v':
      return pad(flags.goSyntax ? quote(cut) : cut, flags)
    case 's':
      return pad(cut, flags)
    case 'q':
      return pad(flags.sharp && !/[`\x00-\x08\x0a-\x1f\x7f\ufeff]/.test(cut) ? `\`${cut}\`` : quote(cut, flags.plus), flags)
    case 'x':
    case 'X': {
      let bytes = Buffer.from(text)
      if (flags.precision !== undefined) bytes = bytes.subarray(0, flags.precision)
      const prefix = flags.sharp ? '0x' : ''
      const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0'))
      const joined = flags.space ? hex.map((pair) => prefix + pair).join(' ') : hex.length > 0 ? prefix + hex.join('') : ''
      return pad(verb === 'X' ? joined.toUpperCase() : joined, flags)
    }
    default:
      return badVerb(value, verb, flags)
  }
}

const bases: Readonly<Record<string, number>> = { d: 10, v: 10, b: 2, o: 8, O: 8, x: 16, X: 16 }
const prefixes: Readonly<Record<string, string>> = { b: '0b', o: '0', O: '0', x: '0x', X: '0X' }

function formatInt(integer: bigint, verb: string, flags: Flags, value: Value): string {
  const base = bases[verb]
  if (base !== undefined) {
    const negative = integer < 0n
    const absolute = negative ? -integer : integer
    let digits = absolute.toString(base)
    if (verb === 'X') digits = digits.toUpperCase()
    if (flags.precision === 0 && integer === 0n) return pad('', { ...flags, zero: false })
    const sign = negative ? '-' : flags.plus ? '+' : flags.space ? ' ' : ''
    if (flags.precision !== undefined) digits = digits.padStart(flags.precision, '0')
    else if (flags.zero && flags.width !== undefined) digits = digits.padStart(flags.width - sign.length, '0')
    let prefix = verb === 'O' ? '0o' : ''
    if (flags.sharp && !(verb.toLowerCase() === 'o' && digits.startsWith('0'))) prefix += prefixes[verb] ?? ''
    return pad(sign + prefix + digits, { ...flags, zero: false })
  }
  const valid = integer >= 0n && integer <= 0x10ffffn && !(integer >= 0xd800n && integer <= 0xdfffn)
  const character = valid ? String.fromCodePoint(Number(integer)) : '\ufffd'
  switch (verb) {
    case 'c':
      return pad(character, flags)
    case 'q':
      return pad(quoteRune(integer, flags.plus), flags)
    case 'U': {
      const hex = BigInt.asUintN(64, integer).toString(16).toUpperCase().padStart(Math.max(flags.precision ?? 4, 4), '0')
      return pad(`U+${hex}${flags.sharp && valid && isPrintable(character) ? ` '${character}'` : ''}`, { ...flags, zero: false })
    }
    default:
      return badVerb(value, verb, flags)
  }
}

function formatNumber(number: number, verb: string, flags: Flags, value: Value): string {
  let text: string
  switch (verb) {
    case 'v':
      text = formatFloat(number, 'g', flags.precision ?? -1)
      break
    case 'g':
    case 'G':
      text = formatFloat(number, verb, flags.precision ?? -1)
      break
    case 'e':
    case 'E':
    case 'f':
    case 'F':
      text = formatFloat(number, verb, flags.precision ?? 6)
      break
    case 'b':
      text = formatBinaryFloat(number)
      break
    case 'x':
    case 'X':
      text = formatHexFloat(number, verb === 'X', flags.precision ?? -1)
      break
    default:
      return badVerb(value, verb, flags)
  }
  if (flags.sharp && verb !== 'b') text = keepZeros(text, verb, flags)
  const negative = text.startsWith('-')
  const digits = text.replace(/^[+-]/, '')
  const infinite = !Number.isFinite(number)
  let sign = negative ? '-' : flags.plus ? '+' : flags.space ? ' ' : ''
  // `+Inf` keeps its sign even without the flag, also in `%v`; NaN has none.
  if (number === Infinity && sign === '') sign = '+'
  if (Number.isNaN(number)) sign = flags.plus ? '+' : flags.space ? ' ' : ''
  if (flags.zero && !infinite && flags.width !== undefined) return sign + digits.padStart(flags.width - sign.length, '0')
  return pad(sign + digits, { ...flags, zero: false })
}

/** The `#` flag: always a decimal point, and no trailing zeros removed for `%g`. */
function keepZeros(text: string, verb: string, flags: Flags): string {
  const [, sign = '', mantissa = '', tail = ''] = (/[xX]/.test(verb) ? /^([+-]?)([^pP]*)(.*)$/ : /^([+-]?)([^eE]*)(.*)$/).exec(text) ?? []
  if (/Inf|NaN/.test(mantissa)) return text
  let digits = mantissa.includes('.') ? mantissa : `${mantissa}.`
  if ('gGvx'.includes(verb)) {
    const significant = flags.precision ?? 6
    const have = digits.replace('.', '').replace(/^0+(?=.)/, '').length
    if (have < significant) digits += '0'.repeat(significant - have)
  }
  return sign + digits + tail
}
