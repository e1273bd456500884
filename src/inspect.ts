// The data-file viewer: `solowatch check DIR` and `solowatch inspect DIR [what]`. It reads a data directory, best one that no
// server is writing to, and changes nothing. Ends with 1 when it finds a problem, with 2 on wrong usage.

import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { formatBytes } from './base/bytes.ts'
import { checkDataDir, formatProblem } from '../storage/check.ts'
import { checkpointContents, chunkContents, logContents, partitionContents, partitionEncodings, seriesContents, seriesMeta } from '../storage/contents.ts'
import { formatLabels } from '../storage/labels.ts'

const usage = `Usage: solowatch check DIR
  verifies every file and says of each problem where it is and what to do; exit code 1 when there is one

Usage: solowatch inspect DIR [WHAT]
  summary       partitions and the ways their chunks are stored, with sizes (the default)
  series        one line per series: ref, labels, first and last sample on disk
  chunks        one line per chunk: series, samples, time range, way and size
  chunk REF     the chunks of one series and their samples
  wal           checkpoints and segments of the sample log
  check         the same as solowatch check DIR
`

/** `solowatch check DIR`; sets the exit code. */
export function runCheck(args: readonly string[]): void {
  const [dir, ...rest] = args
  if (dir === '--help' || dir === '-h') print(usage.trimEnd())
  else process.exitCode = dir === undefined || rest.length > 0 ? complain(usage) : inDirectory(dir, () => check(dir))
}

/** `solowatch inspect DIR [WHAT]`; sets the exit code. */
export function runInspect(args: readonly string[]): void {
  const [dir, what = 'summary', argument] = args
  if (dir === '--help' || dir === '-h') print(usage.trimEnd())
  else process.exitCode = dir === undefined ? complain(usage) : inDirectory(dir, () => inspect(dir, what, argument))
}

function inDirectory(dir: string, work: () => number): number {
  // A reader such as `head` may have seen enough.
  process.stdout.on('error', () => process.exit())
  return existsSync(dir) ? work() : complain(`${dir}: there is no such directory`)
}

function inspect(dir: string, what: string, argument: string | undefined): number {
  switch (what) {
    case 'check':
      return check(dir)
    case 'summary':
      return summary(dir)
    case 'series':
      return series(dir)
    case 'chunks':
      return chunks(dir)
    case 'chunk': {
      const ref = Number(argument)
      return Number.isInteger(ref) && ref > 0 ? chunk(dir, ref) : complain(`chunk needs a series ref, a whole number as "series" prints it\n\n${usage}`)
    }
    case 'wal':
      return wal(dir)
    default:
      return complain(`there is no command ${what}\n\n${usage}`)
  }
}

function check(dir: string): number {
  const report = checkDataDir(dir)
  for (const problem of report.problems) print(formatProblem(problem))
  print(
    `${report.problems.length === 0 ? 'ok' : `${report.problems.length} problems`}: ${report.seriesCount} series, ${report.sampleCount} samples in ` +
      `${report.chunkCount} chunks of ${report.partitionCount} partitions, ${report.logRecordCount} log records, ${formatBytes(report.bytes)}`,
  )
  return report.problems.length === 0 ? 0 : 1
}

function summary(dir: string): number {
  let damaged = 0
  for (const { file, startMs, bytes, meta } of partitionContents(dir)) {
    if (meta === undefined) {
      print(`${basename(file)}  empty`)
      continue
    }
    const perSample = meta.sampleCount === 0 ? '' : `  ${(bytes / meta.sampleCount).toFixed(3)} B/sample`
    print(`${basename(file)}  ${meta.sampleCount} samples  ${meta.chunkCount} chunks (${meta.looseChunkCount} not compacted)${meta.aggregateCount > 0 ? `  ${meta.aggregateCount} series downsampled` : ''}  ${bytes} B${perSample}  ${timeRange(meta.minTimeMs, meta.maxTimeMs)}`)
    for (const { encoding, chunkCount, sampleCount, bytes } of partitionEncodings({ path: file, startMs })) {
      if (encoding === 'damaged') damaged++
      print(`  ${String(bytes).padStart(10)} B  ${String(chunkCount).padStart(7)} ${encoding === 'times' ? 'rows  ' : 'chunks'}  ${String(sampleCount).padStart(10)} samples  ${encoding}`)
    }
  }
  return damaged === 0 ? 0 : 1
}

function series(dir: string): number {
  for (const { ref, labels, firstMs, lastMs } of seriesContents(dir)) print(`${ref}  ${formatLabels(labels)}  ${timeRange(firstMs, lastMs)}`)
  return 0
}

function chunks(dir: string): number {
  for (const { ref } of seriesContents(dir)) {
    for (const one of chunkContents(dir, ref)) {
      const order = one.isOutOfOrder ? ', out of order' : ''
      print(`${ref}  ${basename(one.file)}  slot ${one.slot}  ${one.sampleCount} samples  ${timeRange(one.minTimeMs, one.maxTimeMs)}  ${one.valuesBytes} B  ${one.problem === undefined ? one.encoding : `damaged: ${one.problem}`}${order}`)
    }
  }
  return 0
}

function chunk(dir: string, ref: number): number {
  let damaged = 0
  for (const chunk of chunkContents(dir, ref)) {
    const order = chunk.isOutOfOrder ? '  out of order' : ''
    print(`${basename(chunk.file)}  slot ${chunk.slot}${order}  ${chunk.sampleCount} samples  ${timeRange(chunk.minTimeMs, chunk.maxTimeMs)}`)
    print(`  values: ${chunk.valuesBytes} B, ${chunk.encoding}; times: ${chunk.timesBytes} B, row ${chunk.timesRow}`)
    if (chunk.problem !== undefined) {
      damaged++
      print(`  damaged: ${chunk.problem}`)
    }
    chunk.timestampsMs.forEach((timestampMs, i) => print(`  ${timestampMs}  ${chunk.values[i]}`))
  }
  return damaged === 0 ? 0 : 1
}

function wal(dir: string): number {
  const { flushedRecord } = seriesMeta(dir)
  print(`records up to ${flushedRecord} are in partitions`)
  for (const { file, bytes, meta } of checkpointContents(dir)) {
    print(`checkpoint ${basename(file)}  records ${meta.afterRecord + 1} to ${meta.upToRecord}, ${meta.chunkCount} chunks, ${meta.sampleCount} samples  ${formatBytes(bytes)}`)
  }
  for (const { file, bytes, first, last, count } of logContents(dir)) {
    print(`${basename(file)}  ${count === 0 ? 'no records' : `records ${first} to ${last} (${count})`}  ${formatBytes(bytes)}`)
  }
  return 0
}

function timeRange(minTimeMs: number, maxTimeMs: number): string {
  return Number.isFinite(minTimeMs) && Number.isFinite(maxTimeMs) ? `${new Date(minTimeMs).toISOString()} to ${new Date(maxTimeMs).toISOString()}` : 'no samples on disk'
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function complain(message: string): number {
  process.stderr.write(`${message}\n`)
  return 2
}
