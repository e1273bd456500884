// The metrics that the server has, with their types and help; of one its labels and their values. What is chosen goes into the
// expression.

import { useMemo, useState } from 'preact/hooks'
import type { Metric } from '../../api/shapes.ts'
import { useApi } from '../../api/useApi.ts'
import { Dialog } from '../../components/dialog.tsx'
import { Notice } from '../../components/notice.tsx'
import { contains, SearchField } from '../../components/searchField.tsx'
import { seriesName } from '../../format/seriesName.ts'

type Metadata = Readonly<Record<string, readonly { readonly type: string; readonly help: string }[]>>
type Props = { onInsert(text: string): void; onClose(): void }

const maxRows = 200
/** Of a metric's series so many are looked at for its labels. */
const maxLabelledSeries = 5_000
const maxValues = 30

export function MetricsExplorer({ onInsert, onClose }: Props) {
  const names = useApi<readonly string[]>('label/__name__/values')
  const metadata = useApi<Metadata>('metadata')
  const [text, setText] = useState('')
  const [opened, setOpened] = useState<string>()
  const all = useMemo(() => (names.answer?.data ?? []).map((name) => {
    // Samples of histograms and summaries have names of their own, the metadata that of the whole.
    const about = metadata.answer?.data[name]?.[0] ?? metadata.answer?.data[name.replace(/_(?:bucket|count|sum|total)$/, '')]?.[0]
    return { name, type: about?.type ?? '', help: about?.help ?? '' }
  }), [names.answer, metadata.answer])
  const words = text.split(/\s+/).filter((word) => word !== '')
  const found = all.filter(({ name, help }) => words.every((word) => contains(name, word) || contains(help, word)))
  return (
    <Dialog title="Metrics" onClose={onClose}>
      <div class="controls">
        <SearchField inDialog label="Search metrics" hint="Words of a name or its help" value={text} onChange={setText} />
        <span class="muted" role="status">{names.answer === undefined ? 'Loading…' : `${found.length} of ${all.length}`}</span>
      </div>
      {names.error && <Notice kind="error">{names.error.message}</Notice>}
      <ul class="choices metrics">
        {found.slice(0, maxRows).map(({ name, type, help }) => (
          <li key={name}>
            <button type="button" class="code" aria-expanded={opened === name} onClick={() => setOpened(opened === name ? undefined : name)}>{name}</button>
            {type !== '' && <span class="badge">{type}</span>}
            <button type="button" onClick={() => onInsert(seriesName({ __name__: name }))}>Insert</button>
            {help !== '' && <p class="muted">{help}</p>}
            {opened === name && <MetricLabels name={name} onInsert={onInsert} />}
          </li>
        ))}
      </ul>
      {found.length > maxRows && <p class="empty">{found.length - maxRows} more: say more of the name.</p>}
    </Dialog>
  )
}

function MetricLabels({ name, onInsert }: { readonly name: string; onInsert(text: string): void }) {
  const path = `series?${new URLSearchParams({ 'match[]': seriesName({ __name__: name }), start: String(Date.now() / 1000 - 3_600), limit: String(maxLabelledSeries) })}`
  const { answer, error } = useApi<readonly Metric[]>(useMemo(() => path, [name]))
  const values = useMemo(() => valuesByLabel(answer?.data ?? []), [answer])
  if (error) return <Notice kind="error">{error.message}</Notice>
  if (answer === undefined) return <p class="muted">Loading…</p>
  return (
    <div class="metric-labels">
      <p class="muted">{answer.data.length}{answer.data.length === maxLabelledSeries ? ' or more' : ''} series in the last hour</p>
      {[...values].map(([label, counts]) => (
        <div key={label}>
          <b class="code">{label}</b> <small>{counts.length} {counts.length === 1 ? 'value' : 'values'}</small>
          <div class="labels">
            {counts.slice(0, maxValues).map(([value, count]) => (
              <button key={value} type="button" class="label" title={`${count} series`} onClick={() => onInsert(seriesName({ __name__: name, [label]: value }))}>{value}</button>
            ))}
            {counts.length > maxValues && <small>and {counts.length - maxValues} more</small>}
          </div>
        </div>
      ))}
    </div>
  )
}

/** Of each label its values with the most series first. */
function valuesByLabel(series: readonly Metric[]): Map<string, [value: string, count: number][]> {
  const counts = new Map<string, Map<string, number>>()
  for (const { __name__: _, ...labels } of series) {
    for (const [label, value] of Object.entries(labels)) {
      const own = counts.get(label) ?? new Map<string, number>()
      counts.set(label, own.set(value, (own.get(value) ?? 0) + 1))
    }
  }
  return new Map([...counts].map(([label, own]) => [label, [...own].sort((a, b) => b[1] - a[1])]))
}
