// The command-line flags in force.

import { useApi } from '../api/useApi.ts'
import { useSearchText } from '../browser/router.ts'
import { Facts } from '../components/facts.tsx'
import { Notice } from '../components/notice.tsx'
import { contains, SearchField } from '../components/searchField.tsx'

export function FlagsPage() {
  const { answer, error } = useApi<Readonly<Record<string, string>>>('status/flags')
  const [text, setText] = useSearchText('filter')
  const found = Object.entries(answer?.data ?? {}).filter(([name, value]) => contains(`--${name}=${value}`, text))
  return (
    <>
      <h1>Flags</h1>
      <div class="controls"><SearchField label="Filter flags" hint="Filter by name or value" value={text} onChange={setText} /></div>
      {error && <Notice kind="error">{error.message}</Notice>}
      <Facts title="Command line" facts={answer && found.map(([name, value]) => [`--${name}`, <code>{value}</code>] as const)} />
    </>
  )
}
