// What is scraped, how it goes, and why not.

import { useApi, type Target, type Targets } from '../api.ts'
import { Badge, Labels, Notice } from '../components/notice.tsx'
import { useSearchText } from '../router.ts'
import { formatAgo, formatSeconds } from '../time.ts'

export function TargetsPage() {
  const { answer, error } = useApi<Targets>('targets', 5_000)
  const pools = useApi<{ scrapePools: readonly string[] }>('scrape_pools', 30_000)
  const [text, setText] = useSearchText('search')
  const [healthText, setHealth] = useSearchText('health')
  const health = healthText === '' ? 'all' : healthText
  const targets = answer?.data.activeTargets ?? []
  const matches = (target: Target) =>
    (health === 'all' || target.health === health) && `${target.scrapeUrl} ${Object.entries(target.labels).join(' ')} ${target.lastError}`.toLowerCase().includes(text.toLowerCase())
  const names = [...new Set([...(pools.answer?.data.scrapePools ?? []), ...targets.map((target) => target.scrapePool)])].sort()
  return (
    <>
      <h1>Targets</h1>
      <div class="controls">
        <input class="wide" type="search" placeholder="Filter by address, label or error" value={text} onInput={(event) => setText(event.currentTarget.value)} aria-label="Filter" />
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
            {all.length === 0 ? <p class="empty">No targets: discovery has found none, or relabelling dropped them all.</p> : <TargetTable targets={all.filter(matches)} />}
          </section>
        )
      })}
    </>
  )
}

function TargetTable({ targets }: { readonly targets: readonly Target[] }) {
  const nowMs = Date.now()
  return (
    <table class="cards">
      <thead>
        <tr><th>Endpoint</th><th>State</th><th>Labels</th><th>Last scrape</th><th>Took</th></tr>
      </thead>
      <tbody>
        {targets.map((target) => (
          <tr key={target.scrapeUrl + JSON.stringify(target.labels)}>
            <td data-title="Endpoint"><a href={target.globalUrl}>{target.scrapeUrl}</a>{target.lastError !== '' && <Notice kind="error">{target.lastError}</Notice>}</td>
            <td data-title="State"><Badge state={target.health} /></td>
            <td data-title="Labels" title={Object.entries(target.discoveredLabels).map(([name, value]) => `${name}="${value}"`).join('\n')}><Labels labels={target.labels} /></td>
            <td data-title="Last scrape" class="short">{formatAgo(target.lastScrape, nowMs)}<br /><small>every {target.scrapeInterval}</small></td>
            <td data-title="Took" class="short">{formatSeconds(target.lastScrapeDuration)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
