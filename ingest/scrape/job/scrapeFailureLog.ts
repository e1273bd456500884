// scrape_failure_log_file: one JSON line per failed scrape.

import { appendFile } from 'node:fs/promises'
import { createLineWriter } from '../../../src/base/lineWriter.ts'
import type { Logger } from '../../../src/base/log.ts'

export type FailureLogFile = {
  write(fields: { readonly msg: string; readonly job_name: string; readonly target: string }): void
  /** Resolves when all lines are written. */
  close(): Promise<void>
}

/** Opens nothing: the file is opened for each burst of lines, so that it can be rotated. */
export function createFailureLogFile(path: string, logger: Logger): FailureLogFile {
  const lines = createLineWriter(
    (text) => appendFile(path, text),
    (reason) => logger.error('Could not write the scrape failure log', { file: path, err: reason }),
  )
  return {
    write: (fields) => lines.write(JSON.stringify({ time: new Date().toISOString(), level: 'ERROR', ...fields })),
    close: () => lines.close(),
  }
}
