// What is scraped, how it goes, and why not.

import type { Target, Targets } from '../api/shapes.ts'
import { useApi } from '../api/useApi.ts'
import { useSearchText } from '../browser/router.ts'
import { CardTable, type CardColumn } from '../components/cardTable.tsx'
import { Badge, Labels, Notice } from '../components/notice.tsx'
import { contains, SearchField } from '../components/searchField.tsx'
import { formatAgo, formatSeconds } from '../format/time.ts'

export function TargetsPage() {
  const { answer, error } = useApi<Targets>('targets', 5_000)
  const pools = useApi<{ scrapePools: readonly string[] }>('scrape_pools', 30_000)
  const [text, setText] = useSearchText('search')
  const [healthText, setHealth] = useSearchText('health')
  const health = healthText === '' ? 'all' : healthText
  const targets = answer?.data.activeTargets ?? []
  const matches = (target: Target) =>
    (health === 'all' || target.health === health) && contains(`${target.scrapeUrl} ${Object.entries(target.labels).join(' ')} ${target.lastError}`, text)
  const names = [...new Set([...(pools.answer?.data.scrapePools ?? []), ...targets.map((target) => target.scrapePool)])].sort()
  return (
    <>
      <h1>Targets</h1>
      <div class="controls">
        <SearchField label="Filter by address, label or error" value={text} onChange={setText} />
        <select value={health} onChange={(event) => setHealth(event.currentTarget.value === 'all' ? '' : event.currentTarget.value)} aria-label="Health">
          {['all', 'up', 'down', 'unknown'].map((name) => <option key={name}>{name}</option>)}
        </select>
      </div>
      {error && <Notice kind="error">{error.message}</Notice>}
      {answer && names.length === 0 && <p class="empty">The configuration has no scrape jobs.</p>}
      {names.map((pool) => {
        const all = targets.filter((target) => target.scrapePool === pool)
        const dropped = answer?.data.droppedTargetCounts?.[pool] ?? 0
        return (
          <section class="panel" key={pool}>
            <h2>
              {pool} <small>{all.filter((target) => target.health === 'up').length} of {all.length} up{dropped > 0 ? `, ${dropped} dropped by relabelling` : ''}</small>
            </h2>
            {all.length === 0
              ? <p class="empty">No targets: discovery has found none, or relabelling dropped them all.</p>
              : <CardTable rows={all.filter(matches)} columns={columnsAt(Date.now())} keyOf={({ scrapeUrl, labels }) => scrapeUrl + JSON.stringify(labels)} />}
          </section>
        )
      })}
    </>
  )
}

function columnsAt(nowMs: number): readonly CardColumn<Target>[] {
  return [
    { title: 'Endpoint', cell: ({ globalUrl, scrapeUrl, lastError }) => <><a href={globalUrl}>{scrapeUrl}</a>{lastError !== '' && <Notice kind="error">{lastError}</Notice>}</> },
    { title: 'State', cell: ({ health }) => <Badge state={health} /> },
    {
      title: 'Labels',
      cell: ({ labels }) => <Labels labels={labels} />,
      hint: ({ discoveredLabels }) => Object.entries(discoveredLabels).map(([name, value]) => `${name}="${value}"`).join('\n'),
    },
    { title: 'Last scrape', isShort: true, cell: ({ lastScrape, scrapeInterval }) => <>{formatAgo(lastScrape, nowMs)}<br /><small>every {scrapeInterval}</small></> },
    { title: 'Took', isShort: true, cell: ({ lastScrapeDuration }) => formatSeconds(lastScrapeDuration) },
  ]
}
