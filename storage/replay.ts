// Start-up as the main thread sees it: series and log records that the writer thread reads go into the head, a few
// milliseconds at a time, so that the server can already say that it is starting.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { assert, errorText } from '../src/base/assert.ts'
import type { Logger } from '../src/base/log.ts'
import type { Head } from './head.ts'
import { decodeSeriesPage, seriesPerPage } from './seriesFile.ts'
import type { WriterClient } from './writerClient.ts'
import type { DiskStats, RecoveryPiece } from './writerMessages.ts'

/** The longest stretch of work between two turns of the event loop. */
const sliceMs = 5

export type ReplayProgress = { readonly segment: number; readonly segments: number; readonly samples: number }

export type Recovered = {
  readonly state: readonly (readonly [kind: string, key: string, json: string])[]
  /** Series up to this ref are on disk. */
  readonly maxRef: number
  /** Of the samples in partitions. */
  readonly maxTimeMs: number
  readonly stats: DiskStats
  readonly seconds: number
  /** Records and series that could not be taken over. */
  readonly damageCount: number
}

export type ReplayDeps = { readonly logger: Logger; readonly onReplay: (progress: ReplayProgress) => void }

export async function replayInto(head: Head, writer: WriterClient, deps: ReplayDeps): Promise<Recovered> {
  const startMs = performance.now()
  let sliceStartMs = performance.now()
  const pause = async () => {
    if (performance.now() - sliceStartMs < sliceMs) return
    await nextTurn()
    sliceStartMs = performance.now()
  }
  let samples = 0
  let damageCount = 0
  const damaged = (what: string, error: unknown) => {
    damageCount++
    deps.logger.warn('Skipped something unreadable at start', { what, reason: errorText(error) })
  }

  let first: (RecoveryPiece & { kind: 'start' }) | undefined
  let next = requestPiece(writer)
  for (;;) {
    const piece = await next
    if (piece.kind !== 'end') next = requestPiece(writer)
    switch (piece.kind) {
      case 'start':
        first = piece
        break
      case 'series':
        for (const { ref, labelBytes } of decodeSeriesPage(piece.packed)) {
          const lastMs = piece.lifetimes?.[2 * (ref % seriesPerPage) + 1]
          try {
            head.loadSeries(ref, labelBytes, Number.isFinite(lastMs) ? lastMs : undefined)
          } catch (error) {
            damaged(`series ${ref}`, error)
          }
          await pause()
        }
        break
      case 'records':
        for (const [i, body] of piece.bodies.entries()) {
          try {
            samples += head.replay(body).samples
          } catch (error) {
            damaged(`log record ${piece.numbers[i]}`, error)
          }
          await pause()
        }
        deps.onReplay({ segment: piece.segment, segments: piece.segments, samples })
        break
      case 'seriesEnd':
        assert(first !== undefined, 'recovery did not begin with its start')
        head.setNextRef(first.meta.maxRef + 1)
        if (Number.isFinite(first.meta.maxTimeMs)) head.raiseMaxTime(first.meta.maxTimeMs)
        break
      case 'end': {
        assert(first !== undefined, 'recovery did not begin with its start')
        writer.startAt(piece.nextRecord)
        const seconds = (performance.now() - startMs) / 1000
        const { maxRef, maxTimeMs } = first.meta
        return { state: first.records, maxRef, maxTimeMs, stats: piece.stats, seconds, damageCount }
      }
    }
  }
}

async function requestPiece(writer: WriterClient): Promise<RecoveryPiece> {
  const answer = await writer.request({ kind: 'recover' })
  assert(answer.kind === 'recovery', 'the writer did not answer with a piece of recovery')
  return answer.piece
}
