// The server about itself: build, runtime, storage, flags and the configuration in force.

import { useApi } from '../api.ts'
import { Notice } from '../components/notice.tsx'

type TsdbStatus = { readonly headStats: Readonly<Record<string, number>> } & Readonly<Record<string, readonly { readonly name: string; readonly value: number }[]>>

const cardinalityLists: readonly (readonly [key: string, title: string])[] = [
  ['seriesCountByMetricName', 'Series by metric name'],
  ['labelValueCountByLabelName', 'Values by label name'],
  ['seriesCountByLabelValuePair', 'Series by label pair'],
]

export function StatusPage() {
  const build = useApi<Record<string, string>>('status/buildinfo')
  const runtime = useApi<Record<string, string | number | boolean>>('status/runtimeinfo', 10_000)
  const flags = useApi<Record<string, string>>('status/flags')
  const config = useApi<{ yaml: string }>('status/config')
  const tsdb = useApi<TsdbStatus>('status/tsdb', 30_000)
  const error = [build, runtime, flags, config, tsdb].find((one) => one.error)?.error
  const lists = tsdb.answer?.data
  return (
    <>
      <h1>Status</h1>
      {error && <Notice kind="error">{error.message}</Notice>}
      <Facts title="Build" facts={build.answer?.data} />
      <Facts title="Runtime" facts={runtime.answer?.data} />
      <Facts title="Head" facts={lists?.headStats} />
      {lists && (
        <section class="panel columns">
          {cardinalityLists.map(([key, title]) => (
            <div key={key}>
              <h2>{title}</h2>
              <table><tbody>{(lists[key] ?? []).map((row) => <tr key={row.name}><td>{row.name}</td><td class="value">{row.value}</td></tr>)}</tbody></table>
            </div>
          ))}
        </section>
      )}
      <Facts title="Flags" facts={flags.answer?.data} />
      <section class="panel"><h2>Configuration</h2><pre>{config.answer?.data.yaml}</pre></section>
    </>
  )
}

function Facts({ title, facts }: { readonly title: string; readonly facts: Readonly<Record<string, string | number | boolean>> | undefined }) {
  if (facts === undefined) return null
  return (
    <section class="panel">
      <h2>{title}</h2>
      <table><tbody>{Object.entries(facts).map(([name, value]) => <tr key={name}><th>{name}</th><td>{String(value)}</td></tr>)}</tbody></table>
    </section>
  )
}
