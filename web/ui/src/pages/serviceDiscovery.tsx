// What discovery found, and what relabelling made of it: the labels before and after, and who was dropped.

import { useState } from 'preact/hooks'
import { useApi, type Metric, type Targets } from '../api.ts'
import { Labels, Notice } from '../components/notice.tsx'
import { useSearchText } from '../router.ts'

type Found = { readonly pool: string; readonly discovered: Metric; /** Without labels it was dropped. */ readonly labels: Metric | undefined }

const pageRows = 100

export function ServiceDiscoveryPage() {
  const { answer, error } = useApi<Targets>('targets', 10_000)
  const [text, setText] = useSearchText('search')
  const all = answer === undefined ? [] : foundTargets(answer.data)
  const found = all.filter((target) => JSON.stringify([target.discovered, target.labels]).toLowerCase().includes(text.toLowerCase()))
  const pools = [...new Set(all.map(({ pool }) => pool))].sort()
  return (
    <>
      <h1>Service discovery</h1>
      <div class="controls"><input class="wide" type="search" placeholder="Filter by label" aria-label="Filter by label" value={text} onInput={(event) => setText(event.currentTarget.value)} /></div>
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

function Pool({ pool, targets, droppedCount }: { readonly pool: string; readonly targets: readonly Found[]; readonly droppedCount: number }) {
  const [pages, setPages] = useState(1)
  const active = targets.filter(({ labels }) => labels !== undefined).length
  const rest = targets.length - pages * pageRows
  return (
    <details class="panel" open>
      <summary><h2>{pool} <small>{active} active, {droppedCount} dropped</small></h2></summary>
      <table class="cards halves">
        <thead><tr><th>Discovered labels</th><th>Target labels</th></tr></thead>
        <tbody>
          {targets.slice(0, pages * pageRows).map((target, index) => (
            <tr key={index}>
              <td data-title="Discovered labels"><Labels labels={target.discovered} /></td>
              <td data-title="Target labels">{target.labels === undefined ? <span class="badge">dropped</span> : <Labels labels={target.labels} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rest > 0 && <button type="button" class="more" onClick={() => setPages(pages + 1)}>Show {Math.min(rest, pageRows)} more of {rest}</button>}
    </details>
  )
}
