// What the main thread and a query worker say to each other besides the jobs themselves (job.ts). Everything here survives
// structured cloning; byte buffers are transferred.

import type { MessagePort } from 'node:worker_threads'
import type { Changes } from '../../storage/head/changes.ts'
import type { QuerierInit } from '../../storage/querier/querierSource.ts'
import type { EngineSettings, JobRequest, JobSettings } from '../answers/job.ts'

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

/** A piece of an answer that is longer than memory should hold at once; the job's `JobAnswer` comes after the last one. */
export type JobPiece = { readonly id: number; readonly kind: 'piece'; readonly headers: Readonly<Record<string, string>>; readonly bytes: Uint8Array<ArrayBuffer> }
