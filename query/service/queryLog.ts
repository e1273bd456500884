// query_log_file: one JSON line per evaluated query, of the API and of rules, as Prometheus writes them. The file is opened
// when the configuration is applied, so that a reload after a rotation goes on in a new one.

import { open } from 'node:fs/promises'
import { errorText } from '../../src/base/assert.ts'
import { createLineWriter } from '../../src/base/lineWriter.ts'
import type { Logger } from '../../src/base/log.ts'
import type { MetricRegistry } from '../../src/base/selfMetrics.ts'
import type { QueryOrigin } from '../answers/api.ts'
import { statsJson, type QueryStats } from '../answers/queryStats.ts'

export type LoggedQuery = {
  readonly query: string
  readonly startMs: number
  readonly endMs: number
  /** 0 when there is one step. */
  readonly stepMs: number
  readonly origin: QueryOrigin
  readonly stats: QueryStats
  /** Missing when it succeeded. */
  readonly error?: string
}

export type QueryLog = {
  readonly isOpen: boolean
  /** Does nothing while there is no file. */
  write(query: LoggedQuery): void
  /** Goes on in the file at `path`, opened anew; '' is none. Rejects, and changes nothing, when it cannot be opened. */
  setFile(path: string): Promise<void>
  /** Resolves when all lines are written. */
  close(): Promise<void>
}

type OpenFile = { write(line: string): void; close(): Promise<void> }

export function createQueryLog(registry: MetricRegistry, logger: Logger): QueryLog {
  const failures = registry.counter('prometheus_engine_query_log_failures_total', 'The number of query log failures.')
  failures.inc({}, 0)
  let file: OpenFile | undefined
  registry.sampled('prometheus_engine_query_log_enabled', 'State of the query log.', 'gauge', () => (file === undefined ? 0 : 1))

  const openFile = async (path: string): Promise<OpenFile> => {
    const handle = await open(path, 'a', 0o666).catch((error: unknown) => {
      throw new Error(`can't create json log file: ${errorText(error)}`, { cause: error })
    })
    const lines = createLineWriter(
      (text) => handle.appendFile(text),
      (reason) => {
        failures.inc()
        logger.error("can't log query", { file: path, err: reason })
      },
    )
    return {
      write: (line) => lines.write(line),
      async close() {
        await lines.close()
        await handle.close()
      },
    }
  }

  return {
    get isOpen() {
      return file !== undefined
    },
    write: (query) => file?.write(lineOf(query)),
    async setFile(path) {
      const next = path === '' ? undefined : await openFile(path)
      const before = file
      file = next
      await before?.close()
    },
    async close() {
      const before = file
      file = undefined
      await before?.close()
    },
  }
}

function lineOf({ query, startMs, endMs, stepMs, origin, stats, error }: LoggedQuery): string {
  const params = { end: new Date(endMs).toISOString(), query, start: new Date(startMs).toISOString(), step: Math.trunc(stepMs / 1000) }
  const head = { time: new Date().toISOString(), level: 'INFO', msg: 'promql query logged', params, ...(error !== undefined && { error }) }
  return `${JSON.stringify(head).slice(0, -1)},"stats":${statsJson(stats)},${JSON.stringify(origin).slice(1)}`
}
