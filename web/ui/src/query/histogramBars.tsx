// One native histogram: a bar per bucket, and the buckets as text for who opens them.

import type { Histogram, HistogramBucket } from '../api/shapes.ts'

export function HistogramBars({ histogram }: { readonly histogram: Histogram }) {
  const { count, sum, buckets = [] } = histogram
  const most = buckets.reduce((highest, bucket) => Math.max(highest, Math.abs(Number(bucket[3]))), 0)
  return (
    <div class="histogram">
      <div>count <b>{count}</b> · sum <b>{sum}</b></div>
      {buckets.length > 0 && (
        <details>
          <summary aria-label={`${buckets.length} buckets`}>
            <span class="bars" aria-hidden="true">
              {buckets.map((bucket) => <i key={bucket[1]} title={`${boundsOf(bucket)} ${bucket[3]}`} style={{ height: `${(100 * Math.abs(Number(bucket[3]))) / most}%` }} />)}
            </span>
          </summary>
          <table class="buckets">
            <tbody>{buckets.map((bucket) => <tr key={bucket[1]}><td>{boundsOf(bucket)}</td><td>{bucket[3]}</td></tr>)}</tbody>
          </table>
        </details>
      )}
    </div>
  )
}

/** `(0.5, 1]`, with square brackets where the bound belongs to the bucket. */
function boundsOf([boundaries, lower, upper]: HistogramBucket): string {
  return `${boundaries === 1 || boundaries === 3 ? '[' : '('}${lower}, ${upper}${boundaries === 0 || boundaries === 3 ? ']' : ')'}`
}
