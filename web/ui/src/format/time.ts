// Times and durations as the pages show and read them.

const unitSeconds: readonly (readonly [unit: string, seconds: number])[] = [
  ['w', 604_800], ['d', 86_400], ['h', 3_600], ['m', 60], ['s', 1],
]

/** Reads `1h30m`, `15s`, `90` (seconds); `undefined` when it is none of these. */
export function parseDurationSeconds(text: string): number | undefined {
  const trimmed = text.trim()
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed)
  if (!/^(\d+(w|d|h|m|s|ms))+$/.test(trimmed)) return undefined
  let total = 0
  for (const [, count, unit] of trimmed.matchAll(/(\d+)(ms|[wdhms])/g)) {
    total += Number(count) * (unit === 'ms' ? 0.001 : (unitSeconds.find(([name]) => name === unit)?.[1] ?? 0))
  }
  return total
}

/** `1h30m`, to the millisecond. */
export function formatDurationSeconds(seconds: number): string {
  const milliseconds = Math.round(seconds * 1000)
  let rest = Math.floor(milliseconds / 1000)
  let text = ''
  for (const [unit, size] of unitSeconds) {
    const count = Math.floor(rest / size)
    if (count > 0) text += `${count}${unit}`
    rest -= count * size
  }
  if (milliseconds % 1000 > 0) text += `${milliseconds % 1000}ms`
  return text === '' ? '0s' : text
}

/** "12.3s ago", "never" for the zero time. */
export function formatAgo(time: string, nowMs: number): string {
  const atMs = Date.parse(time)
  if (Number.isNaN(atMs) || atMs < 0) return 'never'
  const seconds = Math.max(0, (nowMs - atMs) / 1000)
  return seconds < 60 ? `${seconds.toFixed(1)}s ago` : `${formatDurationSeconds(Math.round(seconds))} ago`
}

export function formatSeconds(seconds: number): string {
  return seconds < 1 ? `${(seconds * 1000).toFixed(1)}ms` : `${seconds.toFixed(3)}s`
}

/** `2026-03-01 10:00:00` */
export function formatTime(timeMs: number, utc: boolean): string {
  const date = new Date(utc ? timeMs : timeMs - new Date(timeMs).getTimezoneOffset() * 60_000)
  return date.toISOString().slice(0, 19).replace('T', ' ')
}

/** Reads what `formatTime` prints. */
export function parseTimeMs(text: string, utc: boolean): number | undefined {
  const atMs = Date.parse(`${text.trim().replace(' ', 'T')}${utc ? 'Z' : ''}`)
  return Number.isNaN(atMs) ? undefined : atMs
}
