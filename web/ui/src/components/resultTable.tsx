// The result of an instant query as a table: vector, scalar, string or raw samples of a range selector.

import type { QueryResult } from '../api.ts'
import { formatTime } from '../time.ts'
import { seriesName } from './graph.tsx'

/** A page shows no more rows than a person scrolls through; more are counted, not drawn. */
const maxRows = 2_000

export function ResultTable({ result, utc }: { readonly result: QueryResult; readonly utc: boolean }) {
  const rows = toRows(result, utc)
  if (rows.length === 0) return <p class="empty">Empty query result</p>
  return (
    <>
      {rows.length > maxRows && <div class="notice info">Showing {maxRows} of {rows.length} rows.</div>}
      <table class="result" data-testid="result-table">
        <tbody>
          {rows.slice(0, maxRows).map((row) => (
            <tr key={row.name}>
              <td class="series">{row.name}</td>
              <td class="value">{row.value}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  )
}

type Row = { readonly name: string; readonly value: string }

function toRows(result: QueryResult, utc: boolean): Row[] {
  switch (result.resultType) {
    case 'scalar':
    case 'string':
      return [{ name: result.resultType, value: result.result[1] }]
    case 'vector':
      return result.result.map((one) => ({
        name: seriesName(one.metric),
        value: one.value?.[1] ?? `count ${one.histogram?.[1].count ?? '?'}, sum ${one.histogram?.[1].sum ?? '?'}`,
      }))
    case 'matrix':
      return result.result.map((one) => ({
        name: seriesName(one.metric),
        value: (one.values ?? []).map(([time, value]) => `${value} @ ${formatTime(time * 1000, utc)}`).join('\n'),
      }))
  }
}
