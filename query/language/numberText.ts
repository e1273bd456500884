// Numbers as text, the way Go prints them: sample values in JSON, the scalar result, and the text exposition format.
// JavaScript's own shortest digits are the same; only the exponent, the infinities and minus zero differ.

/** Shortest digits; exponent (two digits at least) below 1e-6 and from 1e21 on. */
export function formatSampleValue(value: number): string {
  if (value !== value) return 'NaN'
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const text = String(value)
  return text.includes('e') ? padExponent(text) : text
}

/** Shortest digits, never an exponent. */
export function formatPlainDecimal(value: number): string {
  const text = formatSampleValue(value)
  const exponentAt = text.indexOf('e')
  if (exponentAt < 0) return text
  const sign = text.startsWith('-') ? '-' : ''
  const [whole = '', fraction = ''] = text.slice(sign.length, exponentAt).split('.')
  const digits = whole + fraction
  const pointAt = whole.length + Number(text.slice(exponentAt + 1))
  if (pointAt <= 0) return `${sign}0.${'0'.repeat(-pointAt)}${digits}`
  return sign + (pointAt >= digits.length ? digits.padEnd(pointAt, '0') : `${digits.slice(0, pointAt)}.${digits.slice(pointAt)}`)
}

/** Go's `%g` with shortest digits, which the text exposition format uses: exponent below 1e-4 and from 1e6 on. */
export function formatExposed(value: number): string {
  const magnitude = Math.abs(value)
  const plain = !(magnitude < 1e-4 || magnitude >= 1e6) || magnitude === 0 || magnitude === Infinity
  return plain ? formatSampleValue(value) : padExponent(value.toExponential())
}

/** Milliseconds as seconds, with three decimals when they are not whole. */
export function formatTimestamp(timestampMs: number): string {
  const magnitude = Math.abs(timestampMs)
  const fraction = magnitude % 1000
  const whole = `${timestampMs < 0 ? '-' : ''}${(magnitude - fraction) / 1000}`
  return fraction === 0 ? whole : `${whole}.${String(fraction).padStart(3, '0')}`
}

/** `1e-7` becomes `1e-07`. */
function padExponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, 'e$10$2')
}
