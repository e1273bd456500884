// Lines that are appended to a file in order and never waited for: the writer of one burst takes what came meanwhile.

import { errorText } from './assert.ts'

export type LineWriter = {
  /** `line` without its newline. */
  write(line: string): void
  /** Resolves when all lines are written. */
  close(): Promise<void>
}

/** What waits for a disk that does not take it; further lines are lost. */
const maxPendingCharacters = 16 * 1024 * 1024

/** `append` writes to the end of the file; what it rejects with is given to `onFailure`, and its lines are lost. */
export function createLineWriter(append: (text: string) => Promise<void>, onFailure: (reason: string) => void): LineWriter {
  let pending = ''
  let writing: Promise<void> | undefined
  const flush = async () => {
    while (pending !== '') {
      const lines = pending
      pending = ''
      try {
        await append(lines)
      } catch (error) {
        onFailure(errorText(error))
      }
    }
    writing = undefined
  }
  return {
    write(line) {
      if (pending.length > maxPendingCharacters) return onFailure('lines come faster than the disk takes them')
      pending += `${line}\n`
      writing ??= flush()
    },
    close: async () => writing,
  }
}
