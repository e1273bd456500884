// Who goes first when processors are short: samples and the main thread's answers before queries and before what V8 does in the
// background. Only Linux gives a thread a priority of its own, so elsewhere nothing changes: it would be the whole process's.

import { readFileSync, readdirSync } from 'node:fs'
import { setPriority } from 'node:os'

/** About a tenth of the processor time that a thread of the normal priority gets beside it. */
const backgroundNice = 10

/** V8's threads, in which it compiles what is hot and collects garbage for all others. */
const helperThread = 'node-V8Worker'

/** The calling thread goes behind others from now on. */
export function lowerThisThread(): void {
  if (process.platform === 'linux') setPriority(0, backgroundNice)
}

/** V8 compiles for query threads mostly, and for each of them anew. */
export function lowerHelperThreads(): void {
  if (process.platform !== 'linux') return
  for (const thread of readdirSync('/proc/self/task')) if (threadName(thread) === helperThread) setPriority(Number(thread), backgroundNice)
}

/** `undefined` when the thread has ended meanwhile, as others than V8's do. */
function threadName(thread: string): string | undefined {
  try {
    return readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').trim()
  } catch {
    return undefined
  }
}
