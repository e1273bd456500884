// The data-file viewer: `npm run inspect -- DIR [check | partitions | series | chunk REF | wal]`. It reads a data directory,
// best one that no server is writing to, and changes nothing. Ends with 1 when it finds a problem, with 2 on wrong usage.

import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { errorText } from './base/assert.ts'
import { formatBytes } from './base/bytes.ts'
import { checkDataDir, formatProblem } from '../storage/check.ts'
import { chunkContents, logContents, partitionContents, seriesContents, seriesMeta } from '../storage/contents.ts'
import { formatLabels } from '../storage/labels.ts'

const usage = `Usage: npm run inspect -- DIR [COMMAND]
  check         verify every file (the default); exit code 1 when something is wrong
  partitions    one line per day: samples, chunks, bytes per sample
  series        one line per series: ref, labels, first and last sample on disk
  chunk REF     the chunks of one series and their samples
  wal           the segments of the sample log
`

function main(args: readonly string[]): number {
  const [dir, command = 'check', argument] = args
  if (dir === undefined || dir === '--help' || dir === '-h') {
    process.stdout.write(usage)
    return dir === undefined ? 2 : 0
  }
  if (!existsSync(dir)) return complain(`${dir}: there is no such directory`)
  switch (command) {
    case 'check':
      return check(dir)
    case 'partitions':
      return partitions(dir)
    case 'series':
      return series(dir)
    case 'chunk': {
      const ref = Number(argument)
      return Number.isInteger(ref) && ref > 0 ? chunks(dir, ref) : complain(`chunk needs a series ref, a whole number as "series" prints it\n\n${usage}`)
    }
    case 'wal':
      return wal(dir)
    default:
      return complain(`there is no command ${command}\n\n${usage}`)
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

function partitions(dir: string): number {
  for (const { file, bytes, meta } of partitionContents(dir)) {
    if (meta === undefined) {
      print(`${basename(file)}  empty`)
      continue
    }
    const perSample = meta.sampleCount === 0 ? '' : `  ${(bytes / meta.sampleCount).toFixed(3)} B/sample`
    print(`${basename(file)}  ${meta.sampleCount} samples  ${meta.chunkCount} chunks (${meta.looseChunkCount} not compacted)  ${bytes} B${perSample}  ${timeRange(meta.minTimeMs, meta.maxTimeMs)}`)
  }
  return 0
}

function series(dir: string): number {
  for (const { ref, labels, firstMs, lastMs } of seriesContents(dir)) print(`${ref}  ${formatLabels(labels)}  ${timeRange(firstMs, lastMs)}`)
  return 0
}

function chunks(dir: string, ref: number): number {
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

try {
  process.exitCode = main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${errorText(error)}\n`)
  process.exitCode = 1
}
