// The result of an instant query as a table: vector, scalar, string or raw samples of a range selector.

import { useMemo, useState } from 'preact/hooks'
import type { ComponentChildren } from 'preact'
import type { Metric, QueryResult } from '../api/shapes.ts'
import { Notice } from '../components/notice.tsx'
import { contains, SearchField } from '../components/searchField.tsx'
import { usePages } from '../components/usePages.tsx'
import { formatTime } from '../format/time.ts'
import { HistogramBars } from './histogramBars.tsx'
import { seriesName } from '../format/seriesName.ts'

type Props = { readonly result: QueryResult; readonly isTruncated: boolean; readonly utc: boolean }

const pageRows = 250
/** From here on a filter is of more use than scrolling. */
const manyRows = 20

export function ResultTable({ result, isTruncated, utc }: Props) {
  const rows = useMemo(() => toRows(result, utc), [result, utc])
  const [text, setText] = useState('')
  const found = text === '' ? rows : rows.filter(({ name }) => contains(name, text))
  const { shown, more } = usePages(found, pageRows)
  if (rows.length === 0) return <p class="empty">Empty query result</p>
  return (
    <>
      {isTruncated && <Notice kind="info">The first {rows.length} series of more. Aggregate or select fewer to see the others.</Notice>}
      {rows.length > manyRows && (
        <div class="controls">
          <SearchField label="Filter these series" value={text} onChange={setText} />
          {text !== '' && <span class="muted">{found.length} of {rows.length}</span>}
        </div>
      )}
      <table class="result" data-testid="result-table">
        <tbody>
          {shown.map(({ name, value }) => (
            <tr key={name}>
              <td class="series">{name}</td>
              <td class="value">{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {more}
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
