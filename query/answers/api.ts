// What the HTTP API can ask of the query engine, and what comes back: the types that cross from the main thread to a query
// worker, and the envelope of an error. Times are milliseconds; the text of a request is parsed by the web server.

import type { Readable } from 'node:stream'
import type { Labels } from '../../storage/model/labels.ts'
import type { ExpositionFormat } from '../exposition/family.ts'
import type { ErrorType, QueryError } from '../queryError.ts'
import type { Found, SearchOptions } from './search.ts'

export type StatsLevel = 'none' | 'basic' | 'all'

export type QueryParams = {
  readonly query: string
  /** Shortens the engine's timeout, never lengthens it. */
  readonly timeoutMs?: number | undefined
  readonly lookbackMs?: number | undefined
  /** The most series in the answer; 0 is no limit. */
  readonly limit?: number
  readonly stats?: StatsLevel
  /** About the request itself; they go before those of the evaluation. */
  readonly warnings?: readonly string[] | undefined
  /** The plan and what each part of it took come with the answer. */
  readonly explain?: boolean
}

/** Where a query comes from, for the query log; what comes from neither is not logged. */
export type QueryOrigin =
  | { readonly httpRequest: { readonly clientIP: string; readonly method: string; readonly path: string } }
  | { readonly ruleGroup: { readonly file: string; readonly name: string } }

/** Who asks. May make what it has when it is wanted. */
export type Asker = {
  /** Such as a remote address: the queue takes turns between clients. */
  readonly client?: string
  /** Aborted when the client is gone. */
  readonly signal?: AbortSignal
  /** Without it the query is not logged. */
  readonly origin?: QueryOrigin
}

export type InstantRequest = QueryParams & { readonly kind: 'instant'; readonly timeMs: number }

export type RangeRequest = QueryParams & {
  readonly kind: 'range'
  readonly startMs: number
  readonly endMs: number
  readonly stepMs: number
  /** Nothing of an earlier answer is used, nothing of this one kept. */
  readonly nocache?: boolean
}

/** Bounds that are missing mean all time; `limit` 0 or missing means all. */
export type MetadataParams = {
  readonly match: readonly string[]
  readonly startMs?: number
  readonly endMs?: number
  readonly limit?: number
}

export type SeriesRequest = MetadataParams & { readonly kind: 'series' }
export type LabelsRequest = MetadataParams & { readonly kind: 'labels' }
export type LabelValuesRequest = MetadataParams & { readonly kind: 'labelValues'; readonly name: string }

export type FormatQueryRequest = { readonly kind: 'formatQuery'; readonly query: string }
export type ParseQueryRequest = { readonly kind: 'parseQuery'; readonly query: string }

export type FederateRequest = {
  readonly kind: 'federate'
  readonly match: readonly string[]
  readonly nowMs: number
  readonly externalLabels: Labels
  readonly format: ExpositionFormat
}

/** `body` as it came; limits of 0 are none. */
export type RemoteReadRequest = {
  readonly kind: 'remoteRead'
  readonly body: Uint8Array
  readonly externalLabels: Labels
  /** Of an answer that is not streamed. */
  readonly sampleLimit: number
  readonly maxFrameBytes: number
}

export type TsdbStatusRequest = { readonly kind: 'tsdbStatus'; readonly limit: number }

/** Values of `label`, or label names when there is none, of the series that match. */
export type SearchRequest = {
  readonly kind: 'search'
  readonly label: string | undefined
  readonly match: readonly string[]
  readonly startMs: number
  readonly endMs: number
  readonly options: SearchOptions
}

/** The JSON that a `SearchRequest` is answered with. */
export type SearchAnswer = { readonly found: readonly Found[]; readonly hasMore: boolean }

export type TsdbBlocksRequest = { readonly kind: 'tsdbBlocks' }

export type ApiRequest =
  | InstantRequest
  | RangeRequest
  | SeriesRequest
  | LabelsRequest
  | LabelValuesRequest
  | FormatQueryRequest
  | ParseQueryRequest
  | FederateRequest
  | TsdbStatusRequest
  | TsdbBlocksRequest
  | SearchRequest

/** `body` is a stream when the answer comes in pieces; it fails when the answer cannot be completed. */
export type StreamedResponse = Omit<ApiResponse, 'body'> & { readonly body: Uint8Array | Readable }

export type ApiResponse = {
  readonly status: number
  readonly body: Uint8Array
  readonly headers: Readonly<Record<string, string>>
  /** Nobody else has the body. */
  readonly isSpentWhenSent?: boolean
}

export const jsonHeaders: Readonly<Record<string, string>> = { 'content-type': 'application/json' }

const statusByType: Readonly<Record<ErrorType, number>> = {
  bad_data: 400,
  execution: 422,
  canceled: 499,
  timeout: 503,
  internal: 500,
  unavailable: 500,
  not_found: 404,
  not_acceptable: 406,
}

/** The HTTP status that Prometheus answers with. */
export function statusOf(errorType: ErrorType): number {
  return statusByType[errorType]
}

/** The JSON envelope of an error. */
export function errorBody(errorType: ErrorType, message: string): Uint8Array {
  return Buffer.from(`{"status":"error","errorType":${jsonString(errorType)},"error":${jsonString(message)}}`)
}

/** The envelope of an error with its status. */
export function errorResponse(error: QueryError): ApiResponse {
  return { status: statusOf(error.errorType), body: errorBody(error.errorType, error.message), headers: jsonHeaders }
}

/** A JSON string as Go prints it, with `<`, `>` and `&` escaped. */
export function jsonString(text: string): string {
  return escapedJson(JSON.stringify(text))
}

/** JSON text with the characters escaped that HTML or old JavaScript would misread; in JSON they only occur inside strings. */
export function escapedJson(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
