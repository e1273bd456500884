// Samples of one series, as columns, into compressed chunks: numbers in one call of the codec, those among which are
// histograms with what their rows hold.

import { alloc, free, scratch } from '../base/memory'
import { encodeChunk, encodeChunkOf, encodeHistogramChunk } from '../codec/codec'
import { ARENA_BYTES, ARENA_START, openArena } from '../codec/histogramArena'
import { hasMarks } from '../codec/histogramMark'
import { histogramWorkBytes, MAX_SECTION_BYTES } from '../codec/histogramSection'
import { linkChunk, newChunk } from './chunkChain'
import { decodeRows, retireRows, rowRoom } from './histogramRows'
import {
  dayOf, FLAG_HAS_LAST, FLAG_HISTOGRAMS, FLAG_LAST_VALUE_UNKNOWN, R_FIRST_DAY, R_FLAGS, R_LAST_TIME, R_LAST_VALUE, R_SEALED_FIRST, R_SEALED_LAST,
} from './seriesRecord'

// Scratch while sealing: times, values, the encoded chunk, the codec's own scratch.

export function columnsToSeal(record: usize, count: u32): usize {
  const hasHistograms = (load<u32>(record, R_FLAGS) & FLAG_HISTOGRAMS) != 0
  return scratch((count << 4) + sealScratch(count) + (hasHistograms ? MAX_SECTION_BYTES + histogramWorkBytes(count) + 16 : encodedCapacity(count)))
}

/** What the codec works in, and some for alignment. */
// @ts-ignore: decorator
@inline
function sealScratch(count: u32): u32 {
  return (count << 6) + 8192
}

// @ts-ignore: decorator
@inline
function encodedCapacity(count: u32): u32 {
  return (count * 24 + 256 + 15) & ~15
}

// @ts-ignore: decorator
@inline
export function mayHaveMarks(record: usize, values: usize, count: u32): bool {
  return (load<u32>(record, R_FLAGS) & FLAG_HISTOGRAMS) != 0 && hasMarks(values, count)
}

/**
 * Encodes samples `from` to `to` of the columns (of `total` samples each), among which are marks, into chunks, more than one where
 * histograms have very many buckets, and gives the rows back. The columns are those of `columnsToSeal`.
 */
export function sealHistograms(columns: usize, total: u32, from: u32, to: u32, firstAt: usize, lastAt: usize, flags: u16): void {
  const times = columns
  const values = columns + (<usize>total << 3)
  const own = values + (<usize>from << 3)
  retireRows(own, to - from)
  const room = ARENA_START + rowRoom(own, to - from)
  const arena = alloc(ARENA_BYTES + room)
  openArena(arena, arena + <usize>ARENA_BYTES, room)
  if (!decodeRows(own, to - from, arena)) unreachable()
  const out = (columns + (<usize>total << 4) + 15) & ~15
  const work = out + <usize>MAX_SECTION_BYTES
  while (from < to) {
    let end = to
    let length = -1
    while (true) {
      const at = <usize>from << 3
      length = encodeHistogramChunk(times + at, values + at, <i32>(end - from), arena, out, <i32>MAX_SECTION_BYTES, work, work + <usize>histogramWorkBytes(total))
      if (length >= 0 || end == from + 1) break
      end = from + ((end - from) >> 1)
    }
    linkChunk(firstAt, lastAt, newChunk(out, length, end - from, <i64>load<f64>(times + (<usize>from << 3)), <i64>load<f64>(times + (<usize>(end - 1) << 3)), flags))
    from = end
  }
  free(arena, ARENA_BYTES + room)
}

/** Encodes samples `from` to `to` of the columns (of `total` samples each) into a chunk of its own. */
export function encodeColumns(columns: usize, total: u32, from: u32, to: u32, flags: u16): usize {
  const times = columns + (<usize>from << 3)
  const values = columns + (<usize>(total + from) << 3)
  const count = to - from
  const out = (columns + (<usize>total << 4) + 15) & ~15
  const capacity = encodedCapacity(count)
  const length = encodeChunk(times, values, <i32>count, out, <i32>capacity, out + encodedCapacity(total))
  return newChunk(out, length, count, <i64>load<f64>(times), <i64>load<f64>(times + (<usize>(count - 1) << 3)), flags)
}

/** Makes a chunk of a series' samples, which are of one day and newer than all it has; it must have none that are active. Returns it. */
export function sealColumns(record: usize, times: usize, values: usize, count: u32): usize {
  const out = scratch(encodedCapacity(count) + sealScratch(count))
  const capacity = encodedCapacity(count)
  const length = encodeChunkOf<i64>(times, values, <i32>count, out, <i32>capacity, out + capacity)
  const first = load<i64>(times)
  const last = <usize>(count - 1) << 3
  const chunk = newChunk(out, length, count, first, load<i64>(times + last), 0)
  linkChunk(record + R_SEALED_FIRST, record + R_SEALED_LAST, chunk)
  const day = dayOf(first)
  if (day < load<i32>(record, R_FIRST_DAY)) store<i32>(record, day, R_FIRST_DAY)
  store<i64>(record, load<i64>(times + last), R_LAST_TIME)
  store<u64>(record, load<u64>(values + last), R_LAST_VALUE)
  store<u32>(record, (load<u32>(record, R_FLAGS) | FLAG_HAS_LAST) & ~FLAG_LAST_VALUE_UNKNOWN, R_FLAGS)
  return chunk
}
