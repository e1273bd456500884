// The command-line flags in force.

import { useApi } from '../api.ts'
import { Facts } from '../components/facts.tsx'
import { Notice } from '../components/notice.tsx'
import { useSearchText } from '../router.ts'

export function FlagsPage() {
  const { answer, error } = useApi<Readonly<Record<string, string>>>('status/flags')
  const [text, setText] = useSearchText('filter')
  const found = Object.entries(answer?.data ?? {}).filter(([name, value]) => `--${name}=${value}`.toLowerCase().includes(text.toLowerCase()))
  return (
    <>
      <h1>Flags</h1>
      <div class="controls"><input class="wide" type="search" placeholder="Filter by name or value" aria-label="Filter flags" value={text} onInput={(event) => setText(event.currentTarget.value)} /></div>
      {error && <Notice kind="error">{error.message}</Notice>}
      <Facts title="Command line" facts={answer && found.map(([name, value]) => [`--${name}`, <code>{value}</code>] as const)} />
    </>
  )
}
