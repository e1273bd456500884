// Go durations as text: `1.5s`, `500ms`, `2h45m`. A few Alertmanager keys use these instead of Prometheus durations.

const unitMs: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1e3, m: 6e4, h: 3.6e6 }

const pattern = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/

/** Milliseconds, fractions kept; `0` needs no unit. `undefined` when the text is not a Go duration. */
export function parseGoDurationMs(text: string): number | undefined {
  if (/^[+-]?0$/.test(text)) return 0
  if (!pattern.test(text)) return undefined
  let totalMs = 0
  for (const [, count, unit] of text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    totalMs += Number(count) * (unitMs[unit ?? ''] ?? 0)
  }
  return text.startsWith('-') ? -totalMs : totalMs
}
