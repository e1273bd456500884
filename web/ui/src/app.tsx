// The frame around the pages: navigation, and which page is shown.

import { follow, pageHref, useLocation, type PageName } from './router.ts'
import { QueryPage } from './pages/query.tsx'
import { AlertsPage } from './pages/alerts.tsx'
import { RulesPage } from './pages/rules.tsx'
import { TargetsPage } from './pages/targets.tsx'
import { StatusPage } from './pages/status.tsx'

const pages: readonly { readonly name: PageName; readonly title: string }[] = [
  { name: 'query', title: 'Query' },
  { name: 'alerts', title: 'Alerts' },
  { name: 'rules', title: 'Rules' },
  { name: 'targets', title: 'Targets' },
  { name: 'status', title: 'Status' },
]

export function App() {
  const location = useLocation()
  return (
    <>
      <header class="bar">
        <a class="brand" href={pageHref('query')} onClick={follow}>
          <img src="./favicon.svg" alt="" width="24" height="24" /> solowatch
        </a>
        <nav aria-label="Pages">
          {pages.map(({ name, title }) => (
            <a key={name} href={pageHref(name)} aria-current={location.page === name ? 'page' : undefined} onClick={follow}>
              {title}
            </a>
          ))}
        </nav>
      </header>
      <main>
        {location.page === 'query' && <QueryPage search={location.search} />}
        {location.page === 'alerts' && <AlertsPage />}
        {location.page === 'rules' && <RulesPage />}
        {location.page === 'targets' && <TargetsPage />}
        {location.page === 'status' && <StatusPage />}
      </main>
    </>
  )
}
