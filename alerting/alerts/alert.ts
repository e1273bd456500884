// One alert as the built-in Alertmanager knows it: what it is called (its labels, its fingerprint), when it holds, and how
// what a sender says again is merged with what is known. Pure; the store and the intake use it.

import type { Label, Labels } from '../../storage/model/labels.ts'

export type Alert = {
  /** The identity. Sorted, without empty values. */
  readonly labels: Labels
  /** Sorted by name; empty values are kept. */
  readonly annotations: readonly Label[]
  readonly startsAtMs: number
  /** The alert is resolved from this moment on. */
  readonly endsAtMs: number
  readonly updatedAtMs: number
  /** `endsAtMs` was not given by the sender but comes from `resolve_timeout`. */
  readonly timeout: boolean
  readonly generatorUrl: string
  /** 16 hexadecimal digits. */
  readonly fingerprint: string
  /** As the sender wrote it, when milliseconds in UTC would lose digits or the offset. */
  readonly startsAtText?: string
  readonly endsAtText?: string
}

/** Purely a matter of time: an alert resolves by itself when its end passes. */
export function isResolved(alert: Alert, nowMs: number): boolean {
  return alert.endsAtMs <= nowMs
}

const utf8 = new TextEncoder()

/**
 * FNV-1a, 64 bits, over name 0xFF value 0xFF for each label in byte order. Alertmanager's fingerprint, which receivers
 * use as a key for an alert.
 */
export function fingerprintOf(labels: Labels): string {
  let high = 0xcbf29ce4
  let low = 0x84222325
  const mix = (byte: number) => {
    low = (low ^ byte) >>> 0
    // Times the prime 2^40 + 0x1b3, in 32-bit halves.
    const product = low * 0x1b3
    high = (Math.imul(high, 0x1b3) + Math.floor(product / 0x1_0000_0000) + (low << 8)) >>> 0
    low = product >>> 0
  }
  for (const { name, value } of labels) {
    for (const byte of utf8.encode(name)) mix(byte)
    mix(0xff)
    for (const byte of utf8.encode(value)) mix(byte)
    mix(0xff)
  }
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0')
}

/**
 * What is known after `next` arrived for an alert that was known as `old`. When their time ranges overlap, the earliest
 * start is kept; otherwise the alert is a new occurrence and replaces the old one.
 */
export function mergeAlerts(old: Alert, next: Alert): Alert {
  const within = (timeMs: number) => timeMs > old.startsAtMs && timeMs < old.endsAtMs
  if (!within(next.endsAtMs) && !within(next.startsAtMs)) return next
  const [older, younger] = next.updatedAtMs < old.updatedAtMs ? [next, old] : [old, next]
  const start = older.startsAtMs < younger.startsAtMs ? older : younger
  const end = endOf(older, younger)
  const { startsAtText: _start, endsAtText: _end, ...rest } = younger
  return {
    ...rest,
    startsAtMs: start.startsAtMs,
    endsAtMs: end.endsAtMs,
    ...(start.startsAtText !== undefined && { startsAtText: start.startsAtText }),
    ...(end.endsAtText !== undefined && { endsAtText: end.endsAtText }),
  }
}

/** The alert whose end holds. Resolved is judged at the younger one's update, as that is when it arrived. */
function endOf(older: Alert, younger: Alert): Alert {
  const nowMs = younger.updatedAtMs
  if (isResolved(younger, nowMs)) return isResolved(older, nowMs) && older.endsAtMs > younger.endsAtMs ? older : younger
  return older.endsAtMs > younger.endsAtMs && !older.timeout ? older : younger
}

/** The order of alerts inside a notification: by job, then instance (having one comes first), then label sets. */
export function compareForNotification(a: Alert, b: Alert): number {
  for (const name of ['job', 'instance']) {
    const x = a.labels.find((label) => label.name === name)?.value
    const y = b.labels.find((label) => label.name === name)?.value
    if (x === y) continue
    if (x === undefined) return 1
    if (y === undefined) return -1
    return x < y ? -1 : 1
  }
  return compareLabelSets(a.labels, b.labels)
}

/** Fewer labels first, then name by name and value by value. */
function compareLabelSets(a: Labels, b: Labels): number {
  if (a.length !== b.length) return a.length - b.length
  for (const [index, x] of a.entries()) {
    const y = b[index]
    if (y === undefined) return 1
    if (x.name !== y.name) return x.name < y.name ? -1 : 1
    if (x.value !== y.value) return x.value < y.value ? -1 : 1
  }
  return 0
}
