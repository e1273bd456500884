// The queue and send loop of one external Alertmanager: bounded, in batches, one request at a time, no retry. A batch that
// fails is dropped; the rules send firing alerts again within a minute, so the next resend repairs it.

import { errorText } from '../../src/base/assert.ts'
import type { HttpClient } from '../../src/base/http/httpClient.ts'
import type { Logger } from '../../src/base/log.ts'
import { labelsToObject } from '../../storage/model/labels.ts'
import type { NotifiedAlert } from '../rules/alertingRule.ts'
import type { NotifierMetrics } from './notifierMetrics.ts'

export type NotifierQueueOptions = {
  /** Of the push endpoint; also the name of the queue in metrics. */
  readonly url: string
  readonly client: Pick<HttpClient, 'request'>
  readonly timeoutMs: number
  readonly capacity: number
  readonly maxBatchSize: number
  readonly metrics: NotifierMetrics
  readonly logger: Logger
}

/** Answers of Alertmanagers are ignored, so they need no room. */
const maxAnswerBytes = 1024 * 1024

export class NotifierQueue {
  readonly #options: NotifierQueueOptions
  readonly #abort = new AbortController()
  #queue: NotifiedAlert[] = []
  #running: Promise<void> | undefined
  #closing = false

  constructor(options: NotifierQueueOptions) {
    this.#options = options
    options.metrics.initialize(options.url)
  }

  /** Where there is no room the oldest alerts go. */
  add(alerts: readonly NotifiedAlert[]): void {
    const { capacity, metrics, url, logger } = this.#options
    if (this.#closing) return
    const fitting = alerts.slice(-capacity)
    const overflow = Math.max(0, this.#queue.length + fitting.length - capacity)
    const droppedCount = alerts.length - fitting.length + overflow
    if (droppedCount > 0) {
      logger.warn('Alert notification queue full, dropping alerts', { alertmanager: url, num_dropped: droppedCount })
      metrics.dropped.inc({ alertmanager: url }, droppedCount)
    }
    this.#queue = [...this.#queue.slice(overflow), ...fitting]
    this.#showLength()
    if (this.#queue.length > 0) this.#running ??= this.#run()
  }

  /** Sends what is queued first when `drain`; ends a request under way otherwise. */
  async close(drain: boolean): Promise<void> {
    this.#closing = true
    if (!drain) {
      this.#abort.abort()
      this.#dropRest()
    }
    await this.#running
  }

  async #run(): Promise<void> {
    // The first batch waits for the end of the caller's turn, so that alerts of one evaluation share requests.
    await Promise.resolve()
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, this.#options.maxBatchSize)
      this.#showLength()
      const ok = await this.#send(batch)
      // While stopping, one failure is taken as the answer for all: the stop must not wait for a timeout per batch.
      if (!ok && this.#closing) this.#dropRest()
    }
    this.#running = undefined
  }

  async #send(batch: readonly NotifiedAlert[]): Promise<boolean> {
    const { url, client, timeoutMs, metrics, logger } = this.#options
    const label = { alertmanager: url }
    const startMs = performance.now()
    let failure: string | undefined
    try {
      const headers = { 'content-type': 'application/json' }
      const request = { method: 'POST', url, headers, body: alertsBody(batch), timeoutMs, maxBodyBytes: maxAnswerBytes } as const
      const answer = await client.request(request, this.#abort.signal)
      if (answer.status < 200 || answer.status > 299) failure = `bad response status ${answer.statusLine}`
    } catch (error) {
      failure = errorText(error)
    }
    metrics.observeLatency((performance.now() - startMs) / 1000, url)
    metrics.sent.inc(label, batch.length)
    if (failure === undefined) return true
    logger.error('Error sending alerts', { alertmanager: url, count: batch.length, err: failure })
    metrics.errors.inc(label, batch.length)
    metrics.dropped.inc(label, batch.length)
    return false
  }

  #dropRest(): void {
    if (this.#queue.length === 0) return
    this.#options.metrics.dropped.inc({ alertmanager: this.#options.url }, this.#queue.length)
    this.#options.logger.warn('Alerts remain in the notification queue at stop and are dropped', { alertmanager: this.#options.url, num_dropped: this.#queue.length })
    this.#queue = []
  }

  #showLength(): void {
    this.#options.metrics.queueLength.set(this.#queue.length, { alertmanager: this.#options.url })
  }
}

/** The body of `POST /api/v2/alerts`; times have exactly three decimals. */
export function alertsBody(alerts: readonly NotifiedAlert[]): string {
  return JSON.stringify(
    alerts.map((alert) => ({
      annotations: labelsToObject(alert.annotations),
      endsAt: new Date(alert.endsAtMs).toISOString(),
      startsAt: new Date(alert.startsAtMs).toISOString(),
      generatorURL: alert.generatorUrl,
      labels: labelsToObject(alert.labels),
    })),
  )
}
