// scrape_failure_log_file: one JSON line per failed scrape. Lines are written in order and never waited for.

import { appendFile } from 'node:fs/promises'
import { errorText } from '../src/base/assert.ts'
import type { Logger } from '../src/base/log.ts'

export type FailureLogFile = {
  write(fields: { readonly msg: string; readonly job_name: string; readonly target: string }): void
  /** Resolves when all lines are written. */
  close(): Promise<void>
}

/** Opens nothing: the file is opened for each burst of lines, so that it can be rotated. */
export function createFailureLogFile(path: string, logger: Logger): FailureLogFile {
  let pending = ''
  let writing: Promise<void> | undefined
  const flush = async () => {
    while (pending !== '') {
      const lines = pending
      pending = ''
      try {
        await appendFile(path, lines)
      } catch (error) {
        logger.error('Could not write the scrape failure log', { file: path, err: errorText(error) })
        pending = ''
      }
    }
    writing = undefined
  }
  return {
    write: (fields) => {
      pending += `${JSON.stringify({ time: new Date().toISOString(), level: 'ERROR', ...fields })}\n`
      writing ??= flush()
    },
    close: async () => writing,
  }
}
