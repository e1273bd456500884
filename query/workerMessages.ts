// What the main thread and a query worker say to each other. Everything here survives structured cloning; byte buffers
// are transferred.

import type { MessagePort } from 'node:worker_threads'
import type { Changes } from '../storage/changes.ts'
import type { Labels } from '../storage/labels.ts'
import type { LentChunks } from '../storage/lentChunks.ts'
import type { DiskView, QuerierInit } from '../storage/querier.ts'
import type { HistogramColumn } from '../storage/sample.ts'
import type { ApiRequest, RemoteReadRequest } from './api.ts'
import type { ErrorType } from './queryError.ts'

export type WorkerInit = {
  readonly querier: QuerierInit
  readonly features: readonly string[]
  /** See activeQueries.ts. */
  readonly activeQueryFile: string
  /** Memory for results of range queries; 0 keeps none. */
  readonly resultCacheBytes: number
  readonly settings: EngineSettings
  /** Three Int32: the id of the job that nobody waits for any more, how many pieces of answers were taken, and 1 while a job is on its way. */
  readonly control: SharedArrayBuffer
  readonly crew: CrewInit
}

/** How workers help each other, see crew.ts. */
export type CrewInit = { readonly idle: SharedArrayBuffer; readonly maxHelpers: number; readonly patienceMs: number }

/** In place of a job: the worker is not needed any more. */
export type EndMessage = { readonly kind: 'end' }

/** In place of a job: the way to another worker. */
export type MeetMessage = { readonly kind: 'meet'; readonly port: MessagePort }

/** The engine's settings that hold for all jobs. */
export type EngineSettings = {
  readonly lookbackMs: number
  readonly maxSamples: number
  /** Of an answer in JSON; 0 is no limit. */
  readonly maxResultBytes: number
}

/** Those of one job. */
export type JobSettings = {
  /** Milliseconds since 1970. */
  readonly deadlineMs: number
  /** The step of subqueries that name none. */
  readonly evaluationIntervalMs: number
  /** Seconds that the job waited for a worker. */
  readonly queueSeconds: number
}

/** A rule or template: the answer comes back as values, not as JSON. */
export type EvaluateRequest = {
  readonly kind: 'evaluate'
  readonly query: string
  readonly timeMs: number
  readonly lookbackMs?: number
}

export type JobRequest = ApiRequest | RemoteReadRequest | EvaluateRequest

/** As small as can be: what every message carries is a good part of what a small query takes. */
export type JobMessage = {
  readonly id: number
  readonly request: JobRequest
  readonly settings: JobSettings
  /** What was written before the job was handed over; for range queries. */
  readonly changes?: Changes
  /** The main thread would have answered, had it had the chunks: the answer is to lend them. */
  readonly lends?: boolean
}

/** A result without an object per sample: `values[i]`, or `histograms[i]` where there is one, belongs to `labels[i]`. */
export type EvaluatedValue =
  | { readonly kind: 'vector'; readonly labels: readonly Labels[]; readonly values: Float64Array; readonly histograms?: HistogramColumn }
  | { readonly kind: 'scalar'; readonly value: number }
  | { readonly kind: 'string'; readonly text: string }

export type Evaluated = { readonly value: EvaluatedValue; readonly warnings: readonly string[]; readonly infos: readonly string[] }

export type JobCost = {
  readonly samples: number
  /** The most that were in memory at one time. */
  readonly peakSamples: number
  readonly prepareSeconds: number
  readonly evalSeconds: number
  readonly sortSeconds: number
  /** Steps that an earlier result had already. */
  readonly reusedSteps?: number
}

/** A piece of an answer that is longer than memory should hold at once; the job's `JobAnswer` comes after the last one. */
export type JobPiece = { readonly id: number; readonly kind: 'piece'; readonly headers: Readonly<Record<string, string>>; readonly bytes: Uint8Array<ArrayBuffer> }

/** `asked`: that other workers help, if there are any. */
export type JobAnswer = { readonly id: number; readonly cost?: JobCost; readonly asked?: boolean; readonly diskView?: DiskView; readonly lent?: LentChunks } & (
  | { readonly kind: 'response'; readonly status: number; readonly body: Uint8Array<ArrayBuffer>; readonly headers: Readonly<Record<string, string>> }
  | { readonly kind: 'evaluated'; readonly evaluated: Evaluated }
  | { readonly kind: 'error'; readonly errorType: ErrorType; readonly message: string }
)
