// What fills the storage: how many series there are in memory, and which names, labels and values they have most of.

import { useApi } from '../api/useApi.ts'
import { expressionHref, follow, useSearchText } from '../browser/router.ts'
import { useSettings } from '../browser/settings.ts'
import { Facts } from '../components/facts.tsx'
import { Notice } from '../components/notice.tsx'
import { formatCount } from '../format/number.ts'
import { formatTime } from '../format/time.ts'

type Row = { readonly name: string; readonly value: number }
type TsdbStatus = {
  readonly headStats: { readonly numSeries: number; readonly numLabelPairs: number; readonly chunkCount: number; readonly minTime: number; readonly maxTime: number }
  readonly seriesCountByMetricName: readonly Row[]
  readonly labelValueCountByLabelName: readonly Row[]
  readonly memoryInBytesByLabelName: readonly Row[]
  readonly seriesCountByLabelValuePair: readonly Row[]
}

const limits = ['10', '50', '200', '1000']

export function TsdbStatusPage() {
  const [limit, setLimit] = useSearchText('limit')
  const { answer, error } = useApi<TsdbStatus>(`status/tsdb?limit=${encodeURIComponent(limit === '' ? '10' : limit)}`, 30_000)
  const { utc } = useSettings()
  const status = answer?.data
  return (
    <>
      <h1>Storage</h1>
      {error && <Notice kind="error">{error.message}</Notice>}
      <Facts title="Head" facts={status && [
        ['Series', formatCount(status.headStats.numSeries)],
        ['Label pairs', formatCount(status.headStats.numLabelPairs)],
        ['Chunks', formatCount(status.headStats.chunkCount)],
        ...samplesFacts(status.headStats, utc),
      ]} />
      <div class="controls">
        <label>Longest of each list <select value={limit === '' ? '10' : limit} onChange={(event) => setLimit(event.currentTarget.value)}>{limits.map((one) => <option key={one}>{one}</option>)}</select></label>
      </div>
      {status && (
        <div class="columns">
          <Ranking title="Series by metric name" rows={status.seriesCountByMetricName} hrefOf={(name) => expressionHref(`count({__name__=${JSON.stringify(name)}})`)} />
          <Ranking title="Series by label pair" rows={status.seriesCountByLabelValuePair} hrefOf={pairHref} />
          <Ranking title="Values by label name" rows={status.labelValueCountByLabelName} />
          <Ranking title="Bytes of values by label name" rows={status.memoryInBytesByLabelName} />
        </div>
      )}
    </>
  )
}

/** The times of an empty head are the limits of 64 bits, or that of the last sample there was. */
function samplesFacts({ minTime, maxTime }: TsdbStatus['headStats'], utc: boolean): [string, string][] {
  return minTime > maxTime ? [['From', 'no samples']] : [['From', formatTime(minTime, utc)], ['To', formatTime(maxTime, utc)]]
}

function pairHref(pair: string): string {
  const split = pair.indexOf('=')
  return expressionHref(`count by (__name__) ({${JSON.stringify(pair.slice(0, split))}=${JSON.stringify(pair.slice(split + 1))}})`)
}

function Ranking({ title, rows, hrefOf }: { readonly title: string; readonly rows: readonly Row[]; hrefOf?(name: string): string }) {
  const most = rows[0]?.value ?? 1
  return (
    <section class="panel">
      <h2>{title}</h2>
      <table class="ranking">
        <tbody>
          {rows.map(({ name, value }) => (
            <tr key={name}>
              <td class="series">{hrefOf === undefined ? name : <a href={hrefOf(name)} onClick={follow}>{name}</a>}<i style={{ width: `${(100 * value) / most}%` }} /></td>
              <td class="number">{formatCount(value)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
