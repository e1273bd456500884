// Where Prometheus has profiles of Go: those of the main thread, which all requests and scrapes pass, as Chrome's DevTools and
// editors read them. They hold the names of functions and no data.

import { setTimeout as delay } from 'node:timers/promises'
import type { Session } from 'node:inspector/promises'
import { plain, type Answer } from '../answer.ts'
import type { RequestParams } from '../requestParams.ts'
import type { Router } from '../router.ts'
import type { WebRequest } from '../webRequest.ts'

type Kind = {
  /** Of the file, by which programs know what it is. */
  readonly extension: string
  start(session: Session): Promise<unknown>
  stop(session: Session): Promise<{ readonly profile: unknown }>
}

const kinds: Readonly<Record<string, Kind>> = {
  profile: {
    extension: 'cpuprofile',
    start: async (session) => {
      await session.post('Profiler.enable')
      await session.post('Profiler.start')
    },
    stop: (session) => session.post('Profiler.stop'),
  },
  heap: {
    extension: 'heapprofile',
    start: (session) => session.post('HeapProfiler.startSampling'),
    stop: (session) => session.post('HeapProfiler.stopSampling'),
  },
}

const defaultSeconds = 30
const maxSeconds = 300

const overview = `No profiles of Go: this is a Node process. Of its main thread there are, for Chrome's DevTools,
  /debug/pprof/profile?seconds=30   where its time goes (.cpuprofile)
  /debug/pprof/heap?seconds=30      what allocates the memory that is still in use (.heapprofile)
What a query takes: explain=1 on /api/v1/query and /api/v1/query_range.
`

export function addProfileRoutes(router: Router): void {
  let isRunning = false
  const always = { whenNotReady: true }
  for (const [name, kind] of Object.entries(kinds)) {
    router.get(
      `/debug/pprof/${name}`,
      async (request) => {
        const seconds = secondsOf(request.params)
        if (seconds === undefined) return plain(400, `seconds must be a number above 0, at most ${maxSeconds}\n`)
        if (isRunning) return plain(500, 'Could not enable profiling: a profile is being taken already\n')
        isRunning = true
        try {
          return await take(name, kind, seconds, request)
        } finally {
          isRunning = false
        }
      },
      always,
    )
  }
  router.get('/debug/pprof/*', () => plain(404, overview), always)
}

function secondsOf(params: RequestParams): number | undefined {
  const seconds = params.has('seconds') ? Number(params.text('seconds')) : defaultSeconds
  return seconds > 0 && seconds <= maxSeconds ? seconds : undefined
}

async function take(name: string, kind: Kind, seconds: number, { signal }: WebRequest): Promise<Answer> {
  const inspector = await import('node:inspector/promises')
  const session = new inspector.Session()
  session.connect()
  try {
    await kind.start(session)
    // A client that has gone wants nothing; what was taken until then goes nowhere.
    await delay(seconds * 1000, undefined, { signal }).catch(() => {})
    const { profile } = await kind.stop(session)
    const headers = { 'content-type': 'application/json', 'content-disposition': `attachment; filename="solowatch-${name}.${kind.extension}"` }
    return { status: 200, headers, body: JSON.stringify(profile) }
  } finally {
    session.disconnect()
  }
}
