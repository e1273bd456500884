// The server about itself: what was built, and how it runs.

import { useApi } from '../api/useApi.ts'
import { useSettings } from '../browser/settings.ts'
import { Facts } from '../components/facts.tsx'
import { Notice } from '../components/notice.tsx'
import { formatAgo, formatTime } from '../format/time.ts'

type Runtime = Readonly<Record<string, string | number | boolean>>

/** What a Go program would have to say here and this one has not. */
const foreign = /^(goroutineCount|GO.*)$/
const titles: Readonly<Record<string, string>> = {
  startTime: 'Started', CWD: 'Working directory', hostname: 'Host', serverTime: 'Server time', reloadConfigSuccess: 'Last configuration reload',
  lastConfigTime: 'Configuration loaded', corruptionCount: 'Corruptions found', storageRetention: 'Storage retention',
}
const times = ['startTime', 'serverTime', 'lastConfigTime']

export function StatusPage() {
  const build = useApi<Readonly<Record<string, string>>>('status/buildinfo')
  const runtime = useApi<Runtime>('status/runtimeinfo', 10_000)
  const { utc } = useSettings()
  const error = build.error ?? runtime.error
  return (
    <>
      <h1>Status</h1>
      {error && <Notice kind="error">{error.message}</Notice>}
      <Facts title="Runtime" facts={runtime.answer && Object.entries(runtime.answer.data).filter(([name]) => !foreign.test(name)).map(([name, value]) => [titles[name] ?? name, shown(name, value, utc)])} />
      <Facts title="Build" facts={build.answer && Object.entries(build.answer.data).filter(([, value]) => value !== '')} />
    </>
  )
}

function shown(name: string, value: string | number | boolean, utc: boolean): string {
  if (name === 'reloadConfigSuccess') return value === true ? 'successful' : 'failed: the configuration before it is in force'
  if (!times.includes(name) || typeof value !== 'string') return String(value)
  return `${formatTime(Date.parse(value), utc)}${name === 'serverTime' ? '' : ` (${formatAgo(value, Date.now())})`}`
}
