// The result of an instant query as a table: vector, scalar, string or raw samples of a range selector. A page at a time,
// so that ten thousand series do not hold up the browser.

import { useMemo, useState } from 'preact/hooks'
import type { ComponentChildren } from 'preact'
import type { Metric, QueryResult } from '../api.ts'
import { Notice } from '../components/notice.tsx'
import { formatTime } from '../time.ts'
import { HistogramBars } from './histogramBars.tsx'
import { seriesName } from './seriesName.ts'

type Props = { readonly result: QueryResult; readonly isTruncated: boolean; readonly utc: boolean }

const pageRows = 250
/** From here on a filter is of more use than scrolling. */
const manyRows = 20

export function ResultTable({ result, isTruncated, utc }: Props) {
  const rows = useMemo(() => toRows(result, utc), [result, utc])
  const [text, setText] = useState('')
  const [pages, setPages] = useState(1)
  if (rows.length === 0) return <p class="empty">Empty query result</p>
  const found = text === '' ? rows : rows.filter(({ name }) => name.toLowerCase().includes(text.toLowerCase()))
  const rest = found.length - pages * pageRows
  return (
    <>
      {isTruncated && <Notice kind="info">The first {rows.length} series of more. Aggregate or select fewer to see the others.</Notice>}
      {rows.length > manyRows && (
        <div class="controls">
          <input class="wide" type="search" placeholder="Filter these series" aria-label="Filter these series" value={text} onInput={(event) => setText(event.currentTarget.value)} />
          {text !== '' && <span class="muted">{found.length} of {rows.length}</span>}
        </div>
      )}
      <table class="result" data-testid="result-table">
        <tbody>
          {found.slice(0, pages * pageRows).map(({ name, value }) => (
            <tr key={name}>
              <td class="series">{name}</td>
              <td class="value">{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rest > 0 && <button type="button" class="more" onClick={() => setPages(pages + 1)}>Show {Math.min(rest, pageRows)} more of {rest}</button>}
    </>
  )
}

type Row = { readonly name: string; readonly value: ComponentChildren }

function toRows(result: QueryResult, utc: boolean): Row[] {
  switch (result.resultType) {
    case 'scalar':
    case 'string':
      return [{ name: result.resultType, value: result.result[1] }]
    case 'vector':
      return result.result.map(({ metric, value, histogram }) => ({ name: seriesName(metric), value: value?.[1] ?? (histogram && <HistogramBars histogram={histogram[1]} />) }))
    case 'matrix':
      return result.result.map((series) => ({ name: seriesName(series.metric), value: rawSamples(series, utc) }))
  }
}

function rawSamples({ values = [], histograms = [] }: Extract<QueryResult, { resultType: 'matrix' }>['result'][number] & { readonly metric: Metric }, utc: boolean): string {
  const at = (seconds: number) => `${formatTime(seconds * 1000, utc)}.${String(Math.round(seconds * 1000) % 1000).padStart(3, '0')}`
  return [
    ...values.map(([time, value]) => `${value} @ ${at(time)}`),
    ...histograms.map(([time, { count, sum }]) => `count ${count}, sum ${sum} @ ${at(time)}`),
  ].join('\n')
}
