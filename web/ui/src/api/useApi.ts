// What a page shows of the server's, loaded again and again while it is seen.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { fetchApi, retryWhenStarting, type Answer } from './fetchApi.ts'

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
