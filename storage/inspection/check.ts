// Every invariant of a data directory, as code. Reads only; works on a closed directory and on a copy. Tests run it after
// each use of storage, `solowatch check DIR` prints what it finds.

import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { loadKernelModule } from '../../src/kernels/kernels.ts'
import { databaseBytes, listPartitions, seriesPath, statePath, tombstonesPath } from '../files/dataDir.ts'
import { decodeSeriesPage, SeriesFileReader } from '../files/seriesFile.ts'
import { stateRowProblems } from '../files/stateFile.ts'
import { readTombstones } from '../files/tombstoneFile.ts'
import { ChunkCodec } from '../partitions/chunkCodec.ts'
import { Findings, restore, setAside, type Problem } from './findings.ts'
import { LogCheck } from './logCheck.ts'
import { PartitionCheck } from './partitionCheck.ts'

export type CheckReport = {
  readonly problems: readonly Problem[]
  readonly seriesCount: number
  readonly partitionCount: number
  readonly chunkCount: number
  readonly sampleCount: number
  readonly logRecordCount: number
  readonly bytes: number
}

/** Checks a data directory that no process is writing to. */
export function checkDataDir(dir: string): CheckReport {
  const findings = new Findings()
  const codec = new ChunkCodec(loadKernelModule())
  checkSeries(dir, findings)
  new LogCheck(dir, codec, findings).check()
  const partitions = listPartitions(dir).current
  const partitionCheck = new PartitionCheck(codec, findings)
  for (const partition of partitions) partitionCheck.check(partition)
  checkState(dir, findings)
  checkTombstones(dir, findings)
  return {
    problems: findings.problems,
    seriesCount: findings.refs.size,
    partitionCount: partitions.length,
    chunkCount: findings.chunks,
    sampleCount: findings.samples,
    logRecordCount: findings.logRecords,
    bytes: findings.bytes,
  }
}

function checkSeries(dir: string, findings: Findings): void {
  const path = seriesPath(dir)
  if (!existsSync(path)) {
    findings.add({ file: path }, 'is missing', 'restore it from a backup; without it no sample can be found by its labels')
    return
  }
  findings.bytes += databaseBytes(path)
  findings.file(path, restore, () => {
    const reader = new SeriesFileReader(path)
    try {
      for (const text of reader.structureProblems()) findings.add({ file: path, table: 'sqlite' }, text, restore)
      const meta = reader.meta()
      findings.flushedRecord = meta.flushedRecord
      for (const { page, packed, problem } of reader.pages()) {
        if (problem !== undefined) findings.add({ file: path, table: 'series', row: String(page) }, problem, `${restore}; otherwise its series are not found`)
        for (const { ref } of decodeSeriesPage(packed)) {
          findings.refs.add(ref)
          if (ref > meta.maxRef) findings.add({ file: path, table: 'series', row: String(page) }, `series ref ${ref} is above the highest given out, ${meta.maxRef}`, restore)
        }
      }
      const missing = reader.missingPages()
      if (missing !== undefined) findings.add({ file: path, table: 'series' }, missing, `${restore}; otherwise the series of the others are not found`)
      for (const page of reader.damagedLifetimePages()) findings.add({ file: path, table: 'lifetime', row: String(page) }, 'checksum is wrong', 'harmless: its series count as living all the time')
      findings.lifetimes = reader.lifetimes()
    } finally {
      reader.close()
    }
  })
}

function checkState(dir: string, findings: Findings): void {
  const path = statePath(dir)
  if (!existsSync(path)) return
  findings.bytes += databaseBytes(path)
  findings.file(path, setAside, () => {
    for (const { table, row, problem } of stateRowProblems(path)) findings.add({ file: path, table, row }, problem, restore)
  })
}

function checkTombstones(dir: string, findings: Findings): void {
  const path = tombstonesPath(dir)
  if (!existsSync(path)) return
  findings.bytes += databaseBytes(path)
  findings.file(path, setAside, () => {
    const { hidden, damaged, missing } = readTombstones(dir)
    if (missing !== undefined) findings.add({ file: path, table: 'tombstone' }, missing, `${restore}; otherwise what the others hid may be seen again`)
    if (damaged > 0) findings.add({ file: path, table: 'tombstone' }, `${damaged} rows are damaged: what they hid may be seen again`, restore)
    for (const [ref, ranges] of hidden) {
      if (ranges.some(({ minTimeMs, maxTimeMs }) => !(minTimeMs <= maxTimeMs))) findings.add({ file: path, table: 'tombstone', row: `series ${ref}` }, 'ends before it begins', restore)
    }
  })
}

/** One line per problem, for people. */
export function formatProblem({ file, table, row, problem, wayOut }: Problem): string {
  const place = [basename(file), table, row].filter((part) => part !== '').join(' ')
  return `${place}: ${problem} (${wayOut})`
}
