// What discovery found, and what relabelling made of it: the labels before and after, and who was dropped.

import type { Metric, Targets } from '../api/shapes.ts'
import { useApi } from '../api/useApi.ts'
import { useSearchText } from '../browser/router.ts'
import { CardTable, type CardColumn } from '../components/cardTable.tsx'
import { Labels, Notice } from '../components/notice.tsx'
import { contains, SearchField } from '../components/searchField.tsx'
import { usePages } from '../components/usePages.tsx'

type Found = { readonly pool: string; readonly discovered: Metric; /** Without labels it was dropped. */ readonly labels: Metric | undefined }

const pageRows = 100

export function ServiceDiscoveryPage() {
  const { answer, error } = useApi<Targets>('targets', 10_000)
  const [text, setText] = useSearchText('search')
  const all = answer === undefined ? [] : foundTargets(answer.data)
  const found = all.filter((target) => contains(JSON.stringify([target.discovered, target.labels]), text))
  const pools = [...new Set(all.map(({ pool }) => pool))].sort()
  return (
    <>
      <h1>Service discovery</h1>
      <div class="controls"><SearchField label="Filter by label" value={text} onChange={setText} /></div>
      {error && <Notice kind="error">{error.message}</Notice>}
      {answer && all.length === 0 && <p class="empty">Nothing was discovered.</p>}
      {pools.map((pool) => <Pool key={pool} pool={pool} targets={found.filter((target) => target.pool === pool)} droppedCount={answer?.data.droppedTargetCounts?.[pool] ?? 0} />)}
    </>
  )
}

function foundTargets({ activeTargets, droppedTargets = [] }: Targets): Found[] {
  return [
    ...activeTargets.map(({ scrapePool, discoveredLabels, labels }) => ({ pool: scrapePool, discovered: discoveredLabels, labels })),
    ...droppedTargets.map(({ scrapePool, discoveredLabels }) => ({ pool: scrapePool, discovered: discoveredLabels, labels: undefined })),
  ]
}

const columns: readonly CardColumn<Found>[] = [
  { title: 'Discovered labels', cell: ({ discovered }) => <Labels labels={discovered} /> },
  { title: 'Target labels', cell: ({ labels }) => (labels === undefined ? <span class="badge">dropped</span> : <Labels labels={labels} />) },
]

function Pool({ pool, targets, droppedCount }: { readonly pool: string; readonly targets: readonly Found[]; readonly droppedCount: number }) {
  const { shown, more } = usePages(targets, pageRows)
  const active = targets.filter(({ labels }) => labels !== undefined).length
  return (
    <details class="panel" open>
      <summary><h2>{pool} <small>{active} active, {droppedCount} dropped</small></h2></summary>
      <CardTable isEven rows={shown} columns={columns} keyOf={(_target, index) => String(index)} />
      {more}
    </details>
  )
}
