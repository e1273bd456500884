// The data-file viewer: `solowatch check DIR` and `solowatch inspect DIR [what]`. It reads a data directory, best one that no
// server is writing to, and changes nothing. Ends with 1 when it finds a problem, with 2 on wrong usage.

import { existsSync } from 'node:fs'
import { basename, relative } from 'node:path'
import { leavingNoTrace } from '../../storage/files/traces.ts'
import { checkDataDir, formatProblem } from '../../storage/inspection/check.ts'
import { checkpointContents, chunkContents, logContents, partitionContents, seriesContents, seriesMeta } from '../../storage/inspection/contents.ts'
import { formatLabels } from '../../storage/model/labels.ts'
import { formatBytes } from '../base/bytes.ts'

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
  return existsSync(dir) ? leavingNoTrace(dir, work) : complain(`${dir}: there is no such directory`)
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

/** The files that cannot be read, each told once and after everything else. */
class DamagedFiles {
  readonly #dir: string
  readonly #reasons = new Map<string, string>()

  constructor(dir: string) {
    this.#dir = dir
  }

  readonly add = (file: string, reason: string): void => void this.#reasons.set(file, reason.split('\n', 1)[0] ?? '')

  /** Returns how many there are. */
  tell(): number {
    for (const [file, reason] of this.#reasons) print(`${relative(this.#dir, file)}  damaged: ${reason}`)
    return this.#reasons.size
  }
}

function summary(dir: string): number {
  const files = new DamagedFiles(dir)
  let damaged = 0
  for (const { file, bytes, meta, encodings } of partitionContents(dir, files.add)) {
    if (meta === undefined) {
      print(`${basename(file)}  empty`)
      continue
    }
    const perSample = meta.sampleCount === 0 ? '' : `  ${(bytes / meta.sampleCount).toFixed(3)} B/sample`
    const downsampled = meta.aggregateCount > 0 ? `  ${meta.aggregateCount} series downsampled` : ''
    const contents = `${meta.sampleCount} samples  ${meta.chunkCount} chunks (${meta.looseChunkCount} not compacted)${downsampled}`
    print(`${basename(file)}  ${contents}  ${bytes} B${perSample}  ${timeRange(meta.minTimeMs, meta.maxTimeMs)}`)
    for (const { encoding, chunkCount, sampleCount, bytes } of encodings) {
      if (encoding === 'damaged') damaged++
      print(`  ${String(bytes).padStart(10)} B  ${String(chunkCount).padStart(7)} ${encoding === 'times' ? 'rows  ' : 'chunks'}  ${String(sampleCount).padStart(10)} samples  ${encoding}`)
    }
  }
  return files.tell() + damaged === 0 ? 0 : 1
}

function series(dir: string): number {
  for (const { ref, labels, firstMs, lastMs } of seriesContents(dir)) print(`${ref}  ${formatLabels(labels)}  ${timeRange(firstMs, lastMs)}`)
  return 0
}

function chunks(dir: string): number {
  const files = new DamagedFiles(dir)
  for (const { ref } of seriesContents(dir)) {
    for (const one of chunkContents(dir, ref, files.add)) {
      const way = one.problem === undefined ? one.encoding : `damaged: ${one.problem}`
      const contents = `${one.sampleCount} samples  ${timeRange(one.minTimeMs, one.maxTimeMs)}  ${one.valuesBytes} B`
      print(`${ref}  ${basename(one.file)}  slot ${one.slot}  ${contents}  ${way}${one.isOutOfOrder ? ', out of order' : ''}`)
    }
  }
  return files.tell() === 0 ? 0 : 1
}

function chunk(dir: string, ref: number): number {
  const files = new DamagedFiles(dir)
  let damaged = 0
  for (const chunk of chunkContents(dir, ref, files.add)) {
    const order = chunk.isOutOfOrder ? '  out of order' : ''
    print(`${basename(chunk.file)}  slot ${chunk.slot}${order}  ${chunk.sampleCount} samples  ${timeRange(chunk.minTimeMs, chunk.maxTimeMs)}`)
    print(`  values: ${chunk.valuesBytes} B, ${chunk.encoding}; times: ${chunk.timesBytes} B, row ${chunk.timesRow}`)
    if (chunk.problem !== undefined) {
      damaged++
      print(`  damaged: ${chunk.problem}`)
    }
    chunk.timestampsMs.forEach((timestampMs, i) => print(`  ${timestampMs}  ${chunk.values[i]}`))
  }
  return files.tell() + damaged === 0 ? 0 : 1
}

function wal(dir: string): number {
  const files = new DamagedFiles(dir)
  const { flushedRecord } = seriesMeta(dir)
  print(`records up to ${flushedRecord} are in partitions`)
  for (const { file, bytes, meta } of checkpointContents(dir, files.add)) {
    print(`checkpoint ${basename(file)}  records ${meta.afterRecord + 1} to ${meta.upToRecord}, ${meta.chunkCount} chunks, ${meta.sampleCount} samples  ${formatBytes(bytes)}`)
  }
  for (const { file, bytes, first, last, count } of logContents(dir, files.add)) {
    print(`${basename(file)}  ${count === 0 ? 'no records' : `records ${first} to ${last} (${count})`}  ${formatBytes(bytes)}`)
  }
  return files.tell() === 0 ? 0 : 1
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
