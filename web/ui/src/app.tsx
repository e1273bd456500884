// The frame around the pages: navigation, settings, what the server has to say at once, and which page is shown.

import type { ComponentChildren } from 'preact'
import { useApi } from './api/useApi.ts'
import { follow, pageHref, useLocation, type Location, type PageName } from './browser/router.ts'
import { changeSettings, useSettings, type Theme } from './browser/settings.ts'
import { Notice } from './components/notice.tsx'
import { AlertmanagersPage } from './pages/alertmanagers.tsx'
import { AlertsPage } from './pages/alerts.tsx'
import { ConfigPage } from './pages/config.tsx'
import { FlagsPage } from './pages/flags.tsx'
import { QueryPage } from './pages/query.tsx'
import { RulesPage } from './pages/rules.tsx'
import { ServiceDiscoveryPage } from './pages/serviceDiscovery.tsx'
import { StatusPage } from './pages/status.tsx'
import { TargetsPage } from './pages/targets.tsx'
import { TsdbStatusPage } from './pages/tsdbStatus.tsx'

type Entry = { readonly name: PageName; readonly title: string }

const statusPages: readonly Entry[] = [
  { name: 'status', title: 'Runtime' },
  { name: 'tsdb-status', title: 'Storage' },
  { name: 'flags', title: 'Flags' },
  { name: 'config', title: 'Configuration' },
  { name: 'alertmanager-discovery', title: 'Alertmanagers' },
]
const pages: readonly (Entry & { readonly with: readonly Entry[] })[] = [
  { name: 'query', title: 'Query', with: [] },
  { name: 'alerts', title: 'Alerts', with: [] },
  { name: 'rules', title: 'Rules', with: [] },
  { name: 'targets', title: 'Targets', with: [] },
  { name: 'service-discovery', title: 'Discovery', with: [] },
  { name: 'status', title: 'Status', with: statusPages },
]

export function App() {
  const location = useLocation()
  const group = pages.find(({ name, with: others }) => name === location.page || others.some((other) => other.name === location.page))
  return (
    <>
      <header class="bar">
        <a class="brand" href={pageHref('query')} onClick={follow}>
          <img src="./favicon.svg" alt="" width="24" height="24" /> solowatch
        </a>
        <PageLinks label="Pages" entries={pages} current={group?.name} />
        <SettingControls />
      </header>
      <main>
        <ServerNotices />
        {group !== undefined && group.with.length > 0 && <PageLinks label="Status pages" entries={group.with} current={location.page} />}
        {pageOf(location)}
      </main>
    </>
  )
}

function PageLinks({ label, entries, current }: { readonly label: string; readonly entries: readonly Entry[]; readonly current: PageName | undefined }) {
  return (
    <nav aria-label={label}>
      {entries.map(({ name, title }) => <a key={name} href={pageHref(name)} aria-current={current === name ? 'page' : undefined} onClick={follow}>{title}</a>)}
    </nav>
  )
}

function pageOf({ page, search }: Location): ComponentChildren {
  switch (page) {
    case 'query': return <QueryPage search={search} />
    case 'alerts': return <AlertsPage />
    case 'rules': return <RulesPage />
    case 'targets': return <TargetsPage />
    case 'service-discovery': return <ServiceDiscoveryPage />
    case 'status': return <StatusPage />
    case 'tsdb-status': return <TsdbStatusPage />
    case 'flags': return <FlagsPage />
    case 'config': return <ConfigPage />
    case 'alertmanager-discovery': return <AlertmanagersPage />
  }
}

function SettingControls() {
  const { utc, theme } = useSettings()
  return (
    <div class="settings">
      <label><input type="checkbox" checked={utc} onChange={(event) => changeSettings({ utc: event.currentTarget.checked })} /> UTC</label>
      <select aria-label="Colours" value={theme} onChange={(event) => changeSettings({ theme: event.currentTarget.value as Theme /* the options below are its values */ })}>
        <option value="auto">Auto</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </div>
  )
}

/** What concerns every page: that the configuration could not be reloaded, or that the server is still starting. */
function ServerNotices() {
  const { answer } = useApi<readonly { readonly text: string; readonly active: boolean }[]>('notifications', 15_000)
  return <>{answer?.data.filter(({ active }) => active).map(({ text }) => <Notice key={text} kind="warning">{text}</Notice>)}</>
}
