// Prometheus durations as text: `1h30m`, `15s`, `100ms`. A leaf that config, rules, queries and the HTTP API share.
// It knows nothing of Go durations (decimals, `ns`), which a few Alertmanager keys use.

const unitMs = { y: 31_536_000_000, w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const

const durationPattern = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/

/** Longest duration Prometheus can hold (2^63 nanoseconds), in milliseconds. */
const maxDurationMs = 9_223_372_036_854

/**
 * Reads a Prometheus duration: whole numbers with units y w d h m s ms in descending order, each at most once, or `0`.
 * Returns milliseconds, or `undefined` when the text is not a duration or too long to hold.
 */
export function parseDurationMs(text: string): number | undefined {
  if (text === '0') return 0
  const match = durationPattern.exec(text)
  if (text === '' || match === null) return undefined
  const units = Object.values(unitMs)
  let totalMs = 0
  for (let i = 0; i < units.length; i++) totalMs += Number(match[i + 1] ?? 0) * (units[i] ?? 0)
  return totalMs <= maxDurationMs ? totalMs : undefined
}

/** Prints milliseconds as Prometheus does: `y` and `w` only when exact, then d h m s ms; zero is `0s`. */
export function formatDurationMs(durationMs: number): string {
  if (durationMs === 0) return '0s'
  let rest = durationMs
  let text = ''
  for (const [unit, size] of Object.entries(unitMs)) {
    if ((unit === 'y' || unit === 'w') && rest % size !== 0) continue
    const count = Math.floor(rest / size)
    if (count > 0) text += `${count}${unit}`
    rest -= count * size
  }
  return text
}
