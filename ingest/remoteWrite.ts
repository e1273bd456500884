// The remote-write receiver, protocol 1.0: checks the request, runs the body through the write kernel, commits, and answers
// as Prometheus does. All samples of a body are stored or none; series with bad labels are left out and counted.

import { setImmediate } from 'node:timers/promises'
import type { Counter, MetricRegistry } from '../src/base/selfMetrics.ts'
import { errorText } from '../src/base/assert.ts'
import type { Logger } from '../src/base/log.ts'
import type { BadSample } from '../storage/headBatch.ts'
import type { Storage } from '../storage/storage.ts'
import { formatGoFloat } from './goFloat.ts'

export type RemoteWriteAnswer = { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }

export type RemoteWriteHeaders = { readonly 'content-type'?: string; readonly 'content-encoding'?: string }

export type RemoteWrite = {
  /** Takes one request's body. Resolves once its samples survive a process crash, or with the reason why not. */
  receive(body: Uint8Array, headers: RemoteWriteHeaders): Promise<RemoteWriteAnswer>
}

export type RemoteWriteOptions = {
  readonly storage: Pick<Storage, 'head'>
  readonly registry: MetricRegistry
  readonly logger: Logger
}
