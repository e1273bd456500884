// Where alerts are sent, besides the built-in Alertmanager.

import { useApi } from '../api/useApi.ts'
import { Notice } from '../components/notice.tsx'

type Discovered = { readonly activeAlertmanagers: readonly { readonly url: string }[]; readonly droppedAlertmanagers: readonly { readonly url: string }[] }

export function AlertmanagersPage() {
  const { answer, error } = useApi<Discovered>('alertmanagers', 10_000)
  return (
    <>
      <h1>Alertmanagers</h1>
      {error && <Notice kind="error">{error.message}</Notice>}
      {answer && <Endpoints title="Active" urls={answer.data.activeAlertmanagers} />}
      {answer && <Endpoints title="Dropped by relabelling" urls={answer.data.droppedAlertmanagers} />}
    </>
  )
}

function Endpoints({ title, urls }: { readonly title: string; readonly urls: readonly { readonly url: string }[] }) {
  return (
    <section class="panel">
      <h2>{title} <small>{urls.length}</small></h2>
      {urls.length === 0 ? <p class="empty">None</p> : <ul class="plain">{urls.map(({ url }) => <li key={url}><a href={url}>{url}</a></li>)}</ul>}
    </section>
  )
}
