// Buckets as spans, the form that they have in Prometheus's chunks and protocol buffers.

import type { Buckets } from '../../storage/model/histogram.ts'

/** Neighbouring buckets; the offset is the distance from the end of the span before. */
type Span = { readonly offset: number; readonly length: number }

/** Indexes are ascending. */
export function spansOf({ indexes }: Buckets): Span[] {
  const spans: { offset: number; length: number }[] = []
  let next = 0
  for (const index of indexes) {
    const last = spans.at(-1)
    if (last !== undefined && index === next) last.length++
    else spans.push({ offset: index - next, length: 1 })
    next = index + 1
  }
  return spans
}
