// Numbers as the pages show them.

/** Short form for axes and legends: 1.23k, 4.5M, 12m. */
export function formatValue(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
  const size = Math.abs(value)
  if (size === 0) return '0'
  for (const [limit, suffix] of [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']] as const) {
    if (size >= limit) return `${trimZeros((value / limit).toPrecision(4))}${suffix}`
  }
  if (size >= 0.001) return trimZeros(value.toPrecision(4))
  return value.toExponential(2)
}

function trimZeros(text: string): string {
  return text.includes('.') && !text.includes('e') ? text.replace(/\.?0+$/, '') : text
}

/** `12,345,678`, as the reader's language groups digits. */
export function formatCount(count: number): string {
  return count.toLocaleString()
}
