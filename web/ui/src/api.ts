// The server's HTTP API as the pages use it: one function that unwraps the envelope, and the shapes of what is inside.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { serverUrl } from './router.ts'

export type Metric = Readonly<Record<string, string>>
export type Point = readonly [timeSeconds: number, value: string]
/** `boundaries`: 0 (lower, upper], 1 [lower, upper), 2 (lower, upper), 3 [lower, upper]. */
export type HistogramBucket = readonly [boundaries: 0 | 1 | 2 | 3, lower: string, upper: string, count: string]
export type Histogram = { readonly count: string; readonly sum: string; readonly buckets?: readonly HistogramBucket[] }
export type HistogramPoint = readonly [timeSeconds: number, value: Histogram]
export type Exemplar = { readonly seriesLabels: Metric; readonly labels: Metric; readonly value: string; readonly timestamp: number }

/** A part of a query's plan and what it took, children included in the time only. */
export type Explained = {
  readonly node: string
  readonly expression: string
  readonly constant: boolean
  readonly series: number
  readonly samplesRead: number
  readonly chunksDecoded: number
  readonly workers: number
  readonly seconds: number
  readonly children: readonly Explained[]
}

/** Seconds, and counts of samples. Preparation is the look-up of series, which is no part of the evaluation here. */
export type QueryStats = {
  readonly timings: { readonly queryPreparationTime: number; readonly innerEvalTime: number; readonly execQueueTime: number }
  readonly samples: { readonly totalQueryableSamples: number; readonly peakSamples: number }
}

export type QueryResult = { readonly explain?: Explained; readonly stats?: QueryStats } & ResultData

type ResultData =
  | { readonly resultType: 'vector'; readonly result: readonly { readonly metric: Metric; readonly value?: Point; readonly histogram?: HistogramPoint }[] }
  | { readonly resultType: 'matrix'; readonly result: readonly { readonly metric: Metric; readonly values?: readonly Point[]; readonly histograms?: readonly HistogramPoint[] }[] }
  | { readonly resultType: 'scalar' | 'string'; readonly result: Point }

export type Target = {
  readonly discoveredLabels: Metric
  readonly labels: Metric
  readonly scrapePool: string
  readonly scrapeUrl: string
  readonly globalUrl: string
  readonly lastError: string
  readonly lastScrape: string
  readonly lastScrapeDuration: number
  readonly health: 'up' | 'down' | 'unknown'
  readonly scrapeInterval: string
  readonly scrapeTimeout: string
}
export type Targets = {
  readonly activeTargets: readonly Target[]
  readonly droppedTargets?: readonly Pick<Target, 'discoveredLabels' | 'scrapePool'>[]
  readonly droppedTargetCounts: Readonly<Record<string, number>> | null
}

export type AlertInstance = {
  readonly labels: Metric
  readonly annotations: Metric
  readonly state: 'pending' | 'firing'
  readonly activeAt: string
  readonly value: string
  readonly keepFiringSince?: string
}
export type Rule = {
  readonly type: 'alerting' | 'recording'
  readonly name: string
  readonly query: string
  readonly labels?: Metric
  readonly annotations?: Metric
  readonly duration?: number
  readonly keepFiringFor?: number
  readonly state?: 'unknown' | 'inactive' | 'pending' | 'firing'
  readonly alerts?: readonly AlertInstance[] | null
  readonly health: 'unknown' | 'ok' | 'err'
  readonly lastError?: string
  readonly evaluationTime: number
  readonly lastEvaluation: string
}
export type RuleGroup = {
  readonly name: string
  readonly file: string
  readonly interval: number
  readonly evaluationTime: number
  readonly lastEvaluation: string
  readonly rules: readonly Rule[]
}

export type Answer<T> = { readonly data: T; readonly warnings: readonly string[]; readonly infos: readonly string[] }

/** What the server answered instead of data; the message is the server's own. `starting`: asked again it may answer. */
class ApiError extends Error {
  readonly errorType: string
  constructor(errorType: string, message: string) {
    super(message)
    this.errorType = errorType
  }
}

/** GETs (or, with a form, POSTs) `api/v1/<path>` and unwraps the envelope. Throws `ApiError`. */
export async function fetchApi<T>(path: string, form?: URLSearchParams, signal?: AbortSignal): Promise<Answer<T>> {
  const url = new URL(`api/v1/${path}`, serverUrl())
  let response: Response
  try {
    response = await fetch(url, { ...(form && { method: 'POST', body: form }), ...(signal && { signal }) })
  } catch (error) {
    if (signal?.aborted === true) throw error
    throw new ApiError('network', 'The server does not answer. Is it running?')
  }
  const text = await response.text()
  if (response.status === 503 && text.startsWith('Service Unavailable')) throw new ApiError('starting', 'The server is starting: it reads what it has stored.')
  if (response.status === 204) return { data: undefined as T, warnings: [], infos: [] } // the answer of an endpoint that has nothing to say
  let envelope: { status?: string; data?: T; errorType?: string; error?: string; warnings?: string[]; infos?: string[] }
  try {
    envelope = JSON.parse(text)
  } catch {
    throw new ApiError('http', `HTTP ${response.status}: ${text.slice(0, 300)}`)
  }
  if (envelope.status !== 'success') throw new ApiError(envelope.errorType ?? 'unknown', envelope.error ?? `HTTP ${response.status}`)
  return { data: envelope.data as T, warnings: envelope.warnings ?? [], infos: envelope.infos ?? [] } // the endpoint's own shape
}

const retryMs = 1_000

/** Asks once more when the server was starting. The caller clears the timer that this returns when it wants no more. */
export function retryWhenStarting(error: Error, ask: () => void): ReturnType<typeof setTimeout> | undefined {
  return error instanceof ApiError && error.errorType === 'starting' ? setTimeout(ask, retryMs) : undefined
}

export type Loaded<T> = { readonly answer?: Answer<T>; readonly error?: Error; readonly loading: boolean; reload(): void }

/** Loads `path` once and, while the page is seen, again every `everyMs`; keeps the last answer while a reload is under way or has failed. */
export function useApi<T>(path: string, everyMs = 0): Loaded<T> {
  const [state, setState] = useState<{ answer?: Answer<T>; error?: Error; loading: boolean }>({ loading: true })
  const inFlight = useRef<AbortController>(undefined)
  const retry = useRef<ReturnType<typeof setTimeout>>(undefined)
  const reload = useCallback(() => {
    inFlight.current?.abort()
    clearTimeout(retry.current)
    const controller = (inFlight.current = new AbortController())
    setState((old) => ({ ...old, loading: true }))
    fetchApi<T>(path, undefined, controller.signal).then(
      (answer) => setState({ answer, loading: false }),
      (error: Error) => {
        if (controller.signal.aborted) return
        setState((old) => ({ ...old, error, loading: false }))
        retry.current = retryWhenStarting(error, reload)
      },
    )
  }, [path])
  useEffect(() => {
    reload()
    return () => {
      clearTimeout(retry.current)
      inFlight.current?.abort()
    }
  }, [reload])
  const { loading } = state
  useEffect(() => {
    // Counted from the answer: asking again would end a request that takes longer than that.
    if (everyMs === 0 || loading) return
    const timer = setInterval(() => document.hidden || reload(), everyMs)
    return () => clearInterval(timer)
  }, [reload, everyMs, loading])
  return { ...state, reload }
}
