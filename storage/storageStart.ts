// The first half of opening a data directory: the shared memory, the writer thread, and the head that it fills. Few modules
// are needed for it, so that the server begins with this and loads the rest of itself while the disk is read.

import type { Logger } from '../src/base/log.ts'
import { createKernelMemory, createKernels, loadKernelModule } from '../src/kernels/kernels.ts'
import type { SyncMode } from './files/logFile.ts'
import { Head } from './head/head.ts'
import type { QuerierInit } from './querier/querierSource.ts'
import { WriterClient, type WriterEvents } from './writer/writerClient.ts'
import type { Recovered } from './writer/writerMessages.ts'

export type StorageStartOptions = {
  readonly dir: string
  /** What an acknowledged sample survives: `interval` (the default) a crash of the process, `commit` a power loss too. */
  readonly sync?: SyncMode
  /** Whether a second process on the same directory is refused; true by default. */
  readonly lockFile?: boolean
  /** The size of a log segment. */
  readonly segmentBytes?: number
  /** Most active series in all, and most with the same label `job`; 0, the default, is no limit. */
  readonly maxSeries?: number
  readonly maxSeriesPerJob?: number
  readonly logger: Logger
  readonly nowMs?: () => number
}

export type StorageStart = {
  /** Not to be touched until `recovered` has resolved. */
  readonly head: Head
  /** What a query worker needs; each has its own. It may start at any time, but must not read before `recovered` has resolved. */
  querierInit(): QuerierInit
  readonly writer: WriterClient
  /** Name of the channel on which query workers report damage. */
  readonly damageChannel: string
  /** Whom the writer tells; whoever opens the rest of storage puts himself in. */
  readonly events: WriterEvents
  /** Resolves long before `recovered`, when the directory is ours. Rejects when it cannot be used. */
  readonly begun: Promise<{ readonly hasSamples: boolean }>
  /** Rejects when the directory cannot be used; then the thread has ended. */
  readonly recovered: Promise<Recovered & { readonly seconds: number }>
}

export function startStorage(options: StorageStartOptions): StorageStart {
  const module = loadKernelModule()
  const memory = createKernelMemory()
  const partitionsGeneration = new SharedArrayBuffer(4)
  const events: WriterEvents = { onCommit() {}, onReplay() {} }
  const writer = new WriterClient({
    init: {
      dir: options.dir,
      memory,
      module,
      partitionsGeneration,
      sync: options.sync ?? 'interval',
      segmentBytes: options.segmentBytes ?? 64 * 1024 * 1024,
      lockFile: options.lockFile ?? true,
    },
    logger: options.logger.with({ component: 'storage' }),
    events,
    beforeRequest: () => head.sendGathered(),
  })
  const head = new Head({
    kernels: createKernels(module, memory),
    appendLog: (record) => writer.append(record),
    logBlocked: () => writer.blocked,
    maxSeries: options.maxSeries ?? 0,
    maxSeriesPerJob: options.maxSeriesPerJob ?? 0,
    nowMs: options.nowMs ?? Date.now,
  })
  const begun = writer.begin()
  const recovered = recover(head, writer)
  // They may fail before anybody waits for them.
  begun.catch(() => {})
  recovered.catch(() => {})
  const damageChannel = `solowatch-damage-${process.pid}-${nextChannel++}`
  return {
    head,
    querierInit: () => ({ dir: options.dir, head: head.readerInit(), partitionsGeneration, damageChannel }),
    writer,
    damageChannel,
    events,
    begun,
    recovered,
  }
}

async function recover(head: Head, writer: WriterClient): StorageStart['recovered'] {
  const startMs = performance.now()
  try {
    const recovered = await writer.recover()
    return { ...recovered, seconds: (performance.now() - startMs) / 1000 }
  } catch (error) {
    await writer.terminate()
    head.close()
    throw error
  }
}

let nextChannel = 1
