// The requests of one panel: which endpoint its tab asks, how much of a large result it takes, and what came.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { fetchApi, retryWhenStarting, type Answer } from '../api/fetchApi.ts'
import type { Exemplar, QueryResult } from '../api/shapes.ts'
import { addToHistory } from './state/history.ts'
import { timeGrid, type PanelState, type Tab, type TimeGrid } from './state/panelState.ts'

/** More rows or lines than these help nobody and cost seconds; the server leaves the rest out. */
export const maxSeries: Readonly<Record<Tab, number>> = { table: 10_000, graph: 500, explain: 1 }

export type Shown = {
  /** What was asked, for what belongs to it: positions in messages, titles. */
  readonly expression: string
  readonly tab: Tab
  readonly grid: TimeGrid
  readonly answer: Answer<QueryResult>
  /** There are more series than `maxSeries`. */
  readonly isTruncated: boolean
  readonly exemplars: readonly Exemplar[]
  readonly tookSeconds: number
}

export type PanelQuery = {
  readonly shown: Shown | undefined
  /** Of the last request, with the expression that it belongs to. */
  readonly failed: { readonly expression: string; readonly error: Error } | undefined
  readonly loading: boolean
  run(): void
  /** The server ends the query when nobody waits for it. */
  cancel(): void
}

/** Asks when what the panel asks for has changed, and when told to. What was shown stays until there is something new. */
export function usePanelQuery(panel: PanelState): PanelQuery {
  const [state, setState] = useState<Omit<PanelQuery, 'run' | 'cancel'>>({ shown: undefined, failed: undefined, loading: false })
  const inFlight = useRef<AbortController>(undefined)
  const retry = useRef<ReturnType<typeof setTimeout>>(undefined)
  const { expression, tab, rangeSeconds, endMs, resolution, showsExemplars } = panel
  const resolutionKey = JSON.stringify(resolution)

  const run = useCallback(() => {
    inFlight.current?.abort()
    clearTimeout(retry.current)
    if (expression.trim() === '') {
      setState({ shown: undefined, failed: undefined, loading: false })
      return
    }
    const controller = (inFlight.current = new AbortController())
    setState((old) => ({ ...old, loading: true }))
    ask(panel, controller.signal).then(
      (shown) => {
        addToHistory(expression)
        setState({ shown, failed: undefined, loading: false })
      },
      (error: Error) => {
        if (controller.signal.aborted) return
        setState((old) => ({ ...old, failed: { expression, error }, loading: false }))
        retry.current = retryWhenStarting(error, run)
      },
    )
    // Of the panel only these parts are asked for; how it is drawn changes nothing here.
  }, [expression, tab, rangeSeconds, endMs, resolutionKey, showsExemplars])

  const cancel = useCallback(() => {
    inFlight.current?.abort()
    setState((old) => ({ ...old, loading: false }))
  }, [])

  useEffect(() => {
    run()
    return () => {
      inFlight.current?.abort()
      clearTimeout(retry.current)
    }
  }, [run])
  return { ...state, run, cancel }
}

const truncationWarning = 'results truncated due to limit'

async function ask(panel: PanelState, signal: AbortSignal): Promise<Shown> {
  const { expression, tab } = panel
  const nowMs = Date.now()
  const grid = timeGrid(panel, nowMs)
  const range = { start: String(grid.startSeconds), end: String(grid.endSeconds) }
  const form = new URLSearchParams({ query: expression, limit: String(maxSeries[tab]) })
  if (tab === 'table') form.set('time', String((panel.endMs ?? nowMs) / 1000))
  else for (const [key, value] of Object.entries({ ...range, step: String(grid.stepSeconds) })) form.set(key, value)
  if (tab === 'explain') for (const key of ['explain', 'stats']) form.set(key, 'true')
  const startedMs = performance.now()
  const [answer, exemplars] = await Promise.all([
    fetchApi<QueryResult>(tab === 'table' ? 'query' : 'query_range', form, signal),
    tab === 'graph' && panel.showsExemplars ? fetchExemplars(expression, range, signal) : [],
  ])
  return {
    expression, tab, grid, exemplars,
    answer: { ...answer, warnings: answer.warnings.filter((text) => text !== truncationWarning) },
    isTruncated: answer.warnings.includes(truncationWarning),
    tookSeconds: (performance.now() - startedMs) / 1000,
  }
}

async function fetchExemplars(expression: string, range: { readonly start: string; readonly end: string }, signal: AbortSignal): Promise<Exemplar[]> {
  const { data } = await fetchApi<readonly { readonly seriesLabels: Exemplar['seriesLabels']; readonly exemplars: readonly Omit<Exemplar, 'seriesLabels'>[] }[] | undefined>(
    'query_exemplars', new URLSearchParams({ query: expression, ...range }), signal,
  )
  return (data ?? []).flatMap(({ seriesLabels, exemplars }) => exemplars.map((exemplar) => ({ ...exemplar, seriesLabels })))
}
