// A request to the server's HTTP API, with the envelope of the answer taken off.

import { serverUrl } from '../browser/router.ts'

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
