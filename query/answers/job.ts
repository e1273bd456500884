// One job of the query engine, on whichever thread it is done: what is asked, the settings it is done with, what it cost and
// its answer. Everything here survives structured cloning; byte buffers are transferred.

import type { Labels } from '../../storage/model/labels.ts'
import type { HistogramColumn } from '../../storage/model/sample.ts'
import type { LentChunks } from '../../storage/querier/lentChunks.ts'
import type { DiskView } from '../../storage/querier/diskView.ts'
import type { ErrorType } from '../queryError.ts'
import type { ApiRequest, RemoteReadRequest } from './api.ts'

/** A rule or template: the answer comes back as values, not as JSON. */
export type EvaluateRequest = {
  readonly kind: 'evaluate'
  readonly query: string
  readonly timeMs: number
  readonly lookbackMs?: number
}

export type JobRequest = ApiRequest | RemoteReadRequest | EvaluateRequest

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

/** A result without an object per sample: `values[i]`, or `histograms[i]` where there is one, belongs to `labels[i]`. */
export type EvaluatedValue =
  | { readonly kind: 'vector'; readonly labels: readonly Labels[]; readonly values: Float64Array; readonly histograms?: HistogramColumn }
  | { readonly kind: 'scalar'; readonly value: number }
  | { readonly kind: 'string'; readonly text: string }

export type Evaluated = { readonly value: EvaluatedValue; readonly warnings: readonly string[]; readonly infos: readonly string[] }

/** `asked`: that other workers help, if there are any. */
export type JobAnswer = { readonly id: number; readonly cost?: JobCost; readonly asked?: boolean; readonly diskView?: DiskView; readonly lent?: LentChunks } & (
  | { readonly kind: 'response'; readonly status: number; readonly body: Uint8Array<ArrayBuffer>; readonly headers: Readonly<Record<string, string>> }
  | { readonly kind: 'evaluated'; readonly evaluated: Evaluated }
  | { readonly kind: 'error'; readonly errorType: ErrorType; readonly message: string }
)
