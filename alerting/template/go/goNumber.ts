// Numbers as Go's strconv prints and reads them. JavaScript switches to exponents elsewhere and rounds ties up, so fixed
// precisions are worked out on the exact decimal value. A leaf: the template engine and the API's alert values use it.

export type FloatFormat = 'e' | 'E' | 'f' | 'F' | 'g' | 'G'

/** The digits of a number without sign, leading or trailing zeros; the value is 0.DIGITS × 10^point. Zero has no digits. */
type Decimal = { readonly digits: string; readonly point: number }

/** Go's `strconv.FormatFloat(value, format, precision, 64)`; precision -1 is the shortest text that reads back the same. */
export function formatFloat(value: number, format: FloatFormat, precision: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  return sign + formatPositive(Math.abs(value), format, precision)
}

function formatPositive(value: number, format: FloatFormat, precision: number): string {
  const shortest = precision < 0
  switch (format) {
    case 'e':
    case 'E': {
      const decimal = shortest ? shortestDecimal(value) : roundDecimal(exactDecimal(value), precision + 1)
      return exponentForm(decimal, shortest ? Math.max(decimal.digits.length - 1, 0) : precision, format)
    }
    case 'f':
    case 'F': {
      if (!shortest) {
        const exact = exactDecimal(value)
        return plainForm(roundDecimal(exact, exact.point + precision), precision)
      }
      const decimal = shortestDecimal(value)
      return plainForm(decimal, Math.max(decimal.digits.length - decimal.point, 0))
    }
    case 'g':
    case 'G': {
      const significant = precision === 0 ? 1 : precision
      const decimal = shortest ? shortestDecimal(value) : roundDecimal(exactDecimal(value), significant)
      const count = decimal.digits.length
      let threshold = significant
      if (threshold > count && count >= decimal.point) threshold = count
      if (shortest) threshold = 6
      const exponent = decimal.point - 1
      if (count > 0 && (exponent < -4 || exponent >= threshold)) return exponentForm(decimal, count - 1, format === 'g' ? 'e' : 'E')
      return plainForm(decimal, Math.max(count - decimal.point, 0))
    }
  }
}

function shortestDecimal(value: number): Decimal {
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e')
  return trimmedDecimal(mantissa.replace('.', ''), Number(exponent) + 1)
}

/** Every digit of the double, which is m × 2^e and so has a finite decimal form. */
function exactDecimal(value: number): Decimal {
  if (value === 0) return { digits: '', point: 0 }
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const bits = view.getBigUint64(0)
  const biased = Number((bits >> 52n) & 0x7ffn)
  const fraction = bits & 0xfffffffffffffn
  const mantissa = biased === 0 ? fraction : fraction | (1n << 52n)
  const exponent = (biased === 0 ? 1 : biased) - 1075
  if (exponent >= 0) {
    const digits = (mantissa << BigInt(exponent)).toString()
    return trimmedDecimal(digits, digits.length)
  }
  const digits = (mantissa * 5n ** BigInt(-exponent)).toString()
  return trimmedDecimal(digits, digits.length + exponent)
}

function trimmedDecimal(digits: string, point: number): Decimal {
  const leading = /^0*/.exec(digits)?.[0].length ?? 0
  const trimmed = digits.slice(leading).replace(/0+$/, '')
  return { digits: trimmed, point: trimmed === '' ? 0 : point - leading }
}

/** Rounds to `count` digits, ties to even. */
function roundDecimal(decimal: Decimal, count: number): Decimal {
  const { digits, point } = decimal
  if (count >= digits.length) return decimal
  if (count < 0) return { digits: '', point: 0 }
  const kept = digits.slice(0, count)
  const next = digits.charCodeAt(count) - 48
  const tie = next === 5 && digits.length === count + 1
  const lastIsOdd = count > 0 && (digits.charCodeAt(count - 1) - 48) % 2 === 1
  if (tie ? !lastIsOdd : next < 5) return trimmedDecimal(kept, point)
  const raised = (BigInt(kept === '' ? '0' : kept) + 1n).toString()
  return trimmedDecimal(raised, point + (raised.length - kept.length))
}

function exponentForm(decimal: Decimal, decimals: number, letter: 'e' | 'E'): string {
  const digits = decimal.digits.padEnd(decimals + 1, '0')
  const exponent = decimal.digits === '' ? 0 : decimal.point - 1
  const fraction = decimals > 0 ? `.${digits.slice(1, decimals + 1)}` : ''
  return `${digits[0]}${fraction}${letter}${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
}

function plainForm(decimal: Decimal, decimals: number): string {
  const { digits, point } = decimal
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '0'
  if (decimals === 0) return whole
  const fraction = point >= 0 ? digits.slice(point) : '0'.repeat(-point) + digits
  return `${whole}.${fraction.padEnd(decimals, '0').slice(0, decimals)}`
}

/** Go's `%x` of a float: hexadecimal mantissa, binary exponent, shortest form or `precision` hex digits. */
export function formatHexFloat(value: number, upper: boolean, precision: number): string {
  if (!Number.isFinite(value)) return formatFloat(value, 'g', -1)
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, Math.abs(value))
  let mantissa = view.getBigUint64(0)
  let exponent = Number(mantissa >> 52n)
  mantissa &= 0xfffffffffffffn
  if (exponent === 0) exponent = 1
  else mantissa |= 1n << 52n
  exponent -= 1023
  if (mantissa === 0n) exponent = 0
  while (mantissa !== 0n && mantissa < 1n << 52n) {
    mantissa <<= 1n
    exponent--
  }
  if (precision >= 0 && precision < 13) {
    const shift = BigInt((13 - precision) * 4)
    const half = 1n << (shift - 1n)
    const rest = mantissa & ((1n << shift) - 1n)
    mantissa >>= shift
    if (rest > half || (rest === half && (mantissa & 1n) === 1n)) mantissa++
    mantissa <<= shift
    if (mantissa >= 1n << 53n) {
      mantissa >>= 1n
      exponent++
    }
  }
  const hex = mantissa.toString(16).padStart(14, '0')
  let fraction = hex.slice(1)
  fraction = precision < 0 ? fraction.replace(/0+$/, '') : fraction.padEnd(precision, '0').slice(0, precision)
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const text = `${sign}0x${hex[0]}${fraction === '' ? '' : `.${fraction}`}p${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  return upper ? text.toUpperCase() : text
}

/** Go's `%b` of a float: the mantissa as an integer and the power of two. */
export function formatBinaryFloat(value: number): string {
  if (!Number.isFinite(value)) return formatFloat(value, 'g', -1)
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, Math.abs(value))
  const bits = view.getBigUint64(0)
  const biased = Number(bits >> 52n)
  const mantissa = biased === 0 ? bits : (bits & 0xfffffffffffffn) | (1n << 52n)
  const exponent = (biased === 0 ? 1 : biased) - 1075
  return `${value < 0 || Object.is(value, -0) ? '-' : ''}${mantissa}p${exponent < 0 ? '' : '+'}${exponent}`
}

const decimalFloat = /^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?$/
const hexFloat = /^([+-]?)0[xX]((?:_?[0-9a-fA-F])*)(?:\.([0-9a-fA-F_]*))?[pP]([+-]?\d+)$/

/**
 * Go's `strconv.ParseFloat`: decimal and hexadecimal floats, `inf`, `infinity` and `nan` in any case. `undefined` when
 * the text is not a number or too large. Underscores are accepted as in Go literals when `literal` is set.
 */
export function parseFloatText(text: string, literal = false): number | undefined {
  if (/^[+-]?inf(inity)?$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  if (/^nan$/i.test(text)) return NaN
  if (!literal && text.includes('_')) return undefined
  if (decimalFloat.test(text)) {
    const value = Number(text.replaceAll('_', ''))
    return Number.isFinite(value) ? value : undefined
  }
  const hex = hexFloat.exec(text)
  if (hex === null) return undefined
  const whole = (hex[2] ?? '').replaceAll('_', '')
  const fraction = (hex[3] ?? '').replaceAll('_', '')
  if (whole + fraction === '') return undefined
  const value = Number(BigInt(`0x${whole + fraction}`)) * 2 ** (Number(hex[4]) - 4 * fraction.length)
  if (!Number.isFinite(value)) return undefined
  return hex[1] === '-' ? -value : value
}

const minInt64 = -(1n << 63n)
const maxInt64 = (1n << 63n) - 1n

export type ParsedInt = { readonly kind: 'int'; readonly value: bigint } | { readonly kind: 'overflow' } | { readonly kind: 'syntax' }

/** Go's `strconv.ParseInt(text, 0, 64)`: decimal, `0x`, `0o`, `0b`, leading-zero octal, underscores between digits. */
export function parseIntText(text: string): ParsedInt {
  const match = /^([+-]?)(0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|0(?:_?[0-7])*|[1-9](?:_?\d)*)$/.exec(text)
  if (match === null) return { kind: 'syntax' }
  let digits = (match[2] ?? '').replaceAll('_', '')
  if (/^0\d/.test(digits)) digits = `0o${digits.slice(1)}`
  const value = match[1] === '-' ? -BigInt(digits) : BigInt(digits)
  return value < minInt64 || value > maxInt64 ? { kind: 'overflow' } : { kind: 'int', value }
}

/** Wraps around at 64 bits, as Go's int arithmetic does. */
export function wrapInt64(value: bigint): bigint {
  return BigInt.asIntN(64, value)
}
