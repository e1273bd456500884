// Limits on the number of series: in total, per value of the label `job`, and by the memory that is left. A label explosion
// then costs its own job new series and nobody else anything: series that are known go on. Refusals are counted by job.
//
// What counts are active series. Those that have ended stay known until retention drops their last sample, and would fill a limit
// with what is not there any more; how many they are is counted now and then, and until the next time nothing else has ended.
//
// Refusals: { job u32 (a symbol; 0: none, or one of too many), count u32 }.

import { ENDED_OF_JOBS, ENDED_SERIES, MAX_SERIES, MAX_SERIES_PER_JOB, REFUSALS, SERIES_COUNT } from '../base/layout'
import { push } from '../base/list'
import { alloc, bytesLeft, free } from '../base/memory'
import { FLAG_HAS_LAST, hasSeries, R_FLAGS, R_LAST_TIME, seriesRecord } from '../samples/seriesRecord'
import { findName, findPair, findSymbol, internSymbol, nameValues, pairName, pairPostings, useSymbol, vectorAt } from './labelIndex'
import { START_LABEL_BYTES, START_LABEL_HIGH, START_LABEL_LOW, writeStartLabel } from './startLabel'

const REFUSAL_BYTES: u32 = 8
/** { pair u32 of the label `job`, series of it that have ended u32 } */
const ENDED_BYTES: u32 = 8
/** Jobs that are counted apart. */
const MAX_JOBS: u32 = 1000

/** What must be left of the memory's 4 GiB for a new series: known ones need room for their samples. */
const RESERVED_BYTES: f64 = 384 * 1024 * 1024

/** 0: no limit. */
export function setSeriesLimits(total: u32, perJob: u32): void {
  store<u32>(MAX_SERIES, total)
  store<u32>(MAX_SERIES_PER_JOB, perJob)
}

/** The label `job` among the `count` labels (see LABEL_BYTES in seriesLabels.ts), 0 when there is none. */
export function jobLabel(labels: usize, count: u32): usize {
  for (let i: u32 = 0; i < count; i++) {
    const label = labels + (<usize>i << 4)
    if (load<u32>(label, 4) != 3) continue
    const name: usize = load<u32>(label)
    if (load<u8>(name) == 0x6a && load<u8>(name, 1) == 0x6f && load<u8>(name, 2) == 0x62) return label
  }
  return 0
}

/**
 * Whether a new series with these labels would be one too many. Hidden series belong to one that is known. Of what goes
 * `beyondLimits` only memory is left.
 */
export function isOneTooMany(labels: usize, count: u32, beyondLimits: bool): bool {
  if (isHidden(labels, count)) return false
  if (bytesLeft() < RESERVED_BYTES) return true
  if (beyondLimits) return false
  const total = load<u32>(MAX_SERIES)
  if (total != 0 && load<u32>(SERIES_COUNT) >= total && activeOf(load<u32>(SERIES_COUNT) - startSeriesCount(), load<u32>(ENDED_SERIES)) >= total) return true
  const perJob = load<u32>(MAX_SERIES_PER_JOB)
  if (perJob == 0) return false
  const label = jobLabel(labels, count)
  if (label == 0) return false
  const name = findSymbol(load<u32>(label), load<u32>(label, 4))
  const value = findSymbol(load<u32>(label, 8), load<u32>(label, 12))
  if (name == 0 || value == 0 || findName(name) == 0) return false
  const pair = findPair(name, value)
  const known: u32 = pair == 0 ? 0 : <u32>(pairPostings(pair) >> 32)
  return known >= perJob && activeOf(known, endedOfJob(pair)) >= perJob
}

// @ts-ignore: decorator
@inline
function activeOf(known: u32, ended: u32): u32 {
  return known - min(known, ended)
}

function endedOfJob(pair: u32): u32 {
  let entry: usize = load<u32>(ENDED_OF_JOBS)
  for (let left = load<u32>(ENDED_OF_JOBS, 4); left > 0; left--) {
    if (load<u32>(entry) == pair) return load<u32>(entry, 4)
    entry += ENDED_BYTES
  }
  return 0
}

/** How many of the series `from` up to `to` have their newest sample before `before`, but for the hidden ones of start timestamps. */
export function countEnded(from: u32, to: u32, before: f64): u32 {
  const start = startSymbol()
  let ended: u32 = 0
  for (let ref = from; ref < to; ref++) if (hasSeries(ref) && hasEnded(ref, <i64>before) && !isStartSeries(ref, start)) ended++
  return ended
}

/** Hidden series of start timestamps, one for each value of their label. */
function startSeriesCount(): u32 {
  const start = startSymbol()
  const name = start == 0 ? 0 : findName(start)
  return name == 0 ? 0 : <u32>(nameValues(name) >> 32)
}

function isStartSeries(ref: u32, start: u32): bool {
  const labels: usize = load<u32>(seriesRecord(ref))
  return start != 0 && load<u32>(labels) == 1 && pairName(load<u32>(labels, 4)) == start
}

/** The name of their label; 0 when there are none. */
function startSymbol(): u32 {
  // The labels of a series that is looked up may lie in the scratch.
  const name = alloc(START_LABEL_BYTES + 16)
  writeStartLabel(name)
  const symbol = findSymbol(name, START_LABEL_BYTES)
  free(name, START_LABEL_BYTES + 16)
  return symbol
}

/** The same of those with the label pair, by their place among them. */
export function countEndedOf(pair: u32, from: u32, to: u32, before: f64): u32 {
  const postings = pairPostings(pair)
  const end = min(to, <u32>(postings >> 32))
  let ended: u32 = 0
  for (let i = from; i < end; i++) if (hasEnded(vectorAt(postings, i), <i64>before)) ended++
  return ended
}

/** A series that nobody has given a sample yet is at its beginning. */
function hasEnded(ref: u32, before: i64): bool {
  const record = seriesRecord(ref)
  return (load<u32>(record, R_FLAGS) & FLAG_HAS_LAST) != 0 && load<i64>(record, R_LAST_TIME) < before
}

/** Begins a new count with that of all series; what was known of jobs is forgotten. */
export function setEnded(total: u32): void {
  store<u32>(ENDED_SERIES, total)
  store<u32>(ENDED_OF_JOBS, 0, 4)
}

export function setEndedOfJob(pair: u32, ended: u32): void {
  const entry = push(ENDED_OF_JOBS, ENDED_BYTES)
  store<u32>(entry, pair)
  store<u32>(entry, ended, 4)
}

/** The label is that of storage/model/startTimes.ts, `__start_of__`, alone, so that no series with a metric name passes for one. */
// @ts-ignore: decorator
@inline
function isHidden(label: usize, count: u32): bool {
  const name: usize = load<u32>(label)
  return count == 1 && load<u32>(label, 4) == START_LABEL_BYTES && load<u64>(name) == START_LABEL_LOW && load<u32>(name, 8) == START_LABEL_HIGH
}

/** Counts a refusal for the job with this name. */
export function countRefusal(job: usize, length: u32): void {
  if (length != 0) {
    const known = findSymbol(job, length)
    if (known != 0 && countFor(known)) return
    if (load<u32>(REFUSALS, 4) < MAX_JOBS) {
      const symbol = internSymbol(job, length)
      useSymbol(symbol, 1)
      addRefusal(symbol)
      return
    }
  }
  if (!countFor(0)) addRefusal(0)
}

function countFor(symbol: u32): bool {
  let refusal: usize = load<u32>(REFUSALS)
  for (let left = load<u32>(REFUSALS, 4); left > 0; left--) {
    if (load<u32>(refusal) == symbol) {
      store<u32>(refusal, load<u32>(refusal, 4) + 1, 4)
      return true
    }
    refusal += REFUSAL_BYTES
  }
  return false
}

function addRefusal(symbol: u32): void {
  const refusal = push(REFUSALS, REFUSAL_BYTES)
  store<u32>(refusal, symbol)
  store<u32>(refusal, 1, 4)
}

/** Address of the refusals' list { pointer, count }. */
export function refusals(): usize {
  return REFUSALS
}
