// Chunks of partitions that a query worker keeps in its own scratch, so that a dashboard's next look costs no SQL. Their
// checksums were right when they were put there.
//
// Entry of a series in a partition: { chunks u32, zero u32 } and per chunk
//   { min time f64, max time f64, times u32 -> times record, values section u32, its length u32, out of order u32 }
// Times record, shared by the series that share timestamps:
//   { decoded column u32 or 0, samples u32, section u32, its length u32, samples that decoding needs room for u32, zero u32 }

import { decodeTimes } from '../codec/codec'
import { decodeHistograms, isHistogramSection } from '../codec/histogramSection'
import { decodeOpened } from '../codec/values'
import { addTail, S_ARENA, S_CAPACITY, S_CHUNKS, S_COUNT, S_MAX, S_MIN, tailTimes, tailValues } from '../samples/read'

const ENTRY_HEADER: usize = 8
const CHUNK_BYTES: usize = 32

/**
 * Adds an entry's chunks to what is being read (see read.ts): those in order that begin before `beforeMs`, or the ones out
 * of order. Returns as the functions of read.ts do: 0, -1 when a chunk is damaged, NO_ARENA, or the capacity that the columns need.
 */
export function addStored(state: usize, entry: usize, outOfOrder: u32, beforeMs: f64): i32 {
  const end = entry + ENTRY_HEADER + <usize>load<u32>(entry) * CHUNK_BYTES
  const minTime = load<f64>(state, S_MIN)
  const maxTime = load<f64>(state, S_MAX)
  for (let chunk = entry + ENTRY_HEADER; chunk < end; chunk += CHUNK_BYTES) {
    if (load<u32>(chunk, 28) != outOfOrder) continue
    const first = load<f64>(chunk)
    if (first > maxTime || load<f64>(chunk, 8) < minTime) continue
    if (!outOfOrder && first >= beforeMs) continue
    const times: usize = load<u32>(chunk, 16)
    const samples = load<i32>(times, 4)
    const decoded: usize = load<u32>(times)
    const room = decoded != 0 ? samples : load<i32>(times, 16)
    const count = load<i32>(state, S_COUNT)
    if (count + room > load<i32>(state, S_CAPACITY)) return count + room
    if (decoded != 0) memory.copy(tailTimes(state), decoded, <usize>samples << 3)
    else if (decodeTimes(load<u32>(times, 8), load<i32>(times, 12), tailTimes(state), room) != samples) return -1
    if (decodeOpened(load<u32>(chunk, 20), load<i32>(chunk, 24), tailValues(state), samples) != samples) return -1
    const values: usize = load<u32>(chunk, 20)
    if (isHistogramSection(values)) {
      const status = decodeHistograms(values, load<i32>(chunk, 24), tailValues(state), samples, state + S_ARENA)
      if (status != 0) return status
    }
    store<u32>(state, load<u32>(state, S_CHUNKS) + 1, S_CHUNKS)
    addTail(state, samples)
  }
  return 0
}
