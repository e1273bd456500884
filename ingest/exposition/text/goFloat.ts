// Numbers and quoted text as the exposition parsers of Prometheus, written in Go, read and print them.

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const infinity = /^([+-]?)inf(?:inity)?$/i

/** A float as `strconv.ParseFloat` reads it, without hexadecimal and underscores; or the reason why it is none. */
export function parseGoFloat(text: string): number | string {
  if (/[pP_]/.test(text)) return 'unsupported character in float'
  if (decimal.test(text)) {
    const value = Number(text)
    return Number.isFinite(value) ? value : `strconv.ParseFloat: parsing ${goQuote(cut(text))}: value out of range`
  }
  const match = infinity.exec(text)
  if (match !== null) return match[1] === '-' ? -Infinity : Infinity
  if (/^nan$/i.test(text)) return NaN
  return `strconv.ParseFloat: parsing ${goQuote(cut(text))}: invalid syntax`
}

/** A message goes into a log, and to everybody who looks at the targets: what it quotes is cut. */
export function cut(text: string): string {
  return text.length > maxQuotedLength ? `${text.slice(0, maxQuotedLength)}...` : text
}

const maxQuotedLength = 8192

/** A float as OpenMetrics wants it in `le` and `quantile`: `1.0`, `0.25`, `1e+06`, `+Inf`. */
export function formatOpenMetricsFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  if (value === 0) return '0.0'
  const [mantissa = '', exponentText = '0'] = value.toExponential().split('e')
  const exponent = Number(exponentText)
  const digits = mantissa.replace(/[-.]/g, '').length
  // Go's %g of the shortest digits: an exponent below -4 or from 6 on.
  if (exponent < -4 || exponent >= 6) return goExponent(mantissa, exponent)
  const text = exponent < 0 ? value.toFixed(digits - exponent - 1) : String(value)
  return text.includes('.') ? text : `${text}.0`
}

function goExponent(mantissa: string, exponent: number): string {
  const size = String(Math.abs(exponent)).padStart(2, '0')
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${size}`
}

const shortEscapes: Readonly<Record<string, string>> = {
  '\x07': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v', '\\': '\\\\', '"': '\\"',
}

/** Text as Go's `%q` prints it. */
export function goQuote(text: string): string {
  let quoted = '"'
  for (const character of text) {
    const short = shortEscapes[character]
    const code = character.codePointAt(0) ?? 0
    if (short !== undefined) quoted += short
    else if (code < 0x20 || code === 0x7f) quoted += `\\x${code.toString(16).padStart(2, '0')}`
    else if (/[\p{C}\p{Z}]/u.test(character) && character !== ' ') quoted += code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
    else quoted += character
  }
  return `${quoted}"`
}
