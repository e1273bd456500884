// Active blocks: the newest samples of a series, a few bytes each, in a chain walked backwards from its tail. What a block
// says of a sample counts from the one before, which is the series' last one while the block is being filled.
//
//   { previous u32, samples before u16, bytes of data u16, first time i64, first value u64, interval u32 } and the data, of
//   each sample but the first:
//   time   zigzag varint of (time - time before - interval); the interval is the distance of the first two samples
//   value  an even varint: zigzag (value - value before) << 1, when both are whole numbers below 2^47
//          an odd byte 1 | (n - 1) << 1 | t << 4 and n bytes: its bits xor those before, without the lowest t bytes, which are
//          equal, as are those above; 127: all are equal

import { readVarint, unzigzag, varintLength, writeVarint, zigzag } from '../base/bytes'
import { alloc, free } from '../base/memory'
import { R_ACTIVE_COUNT, R_LAST_TIME, R_LAST_VALUE, R_TAIL, R_TAIL_COUNT, R_TAIL_USED } from './seriesRecord'

const B_PREVIOUS: usize = 0
export const B_BEFORE: usize = 4
const B_ROOM: usize = 6
const B_TIME: usize = 8
const B_VALUE: usize = 16
const B_INTERVAL: usize = 24
const BLOCK_HEADER: usize = 28

const SAME: u8 = 127
/** Of a time code and a value code: bits that say that these are not two bytes of which the second is even. */
const NOT_SHORT: u32 = 0x8180
const MAX_WHOLE: f64 = 140737488355328 // 2^47

/** Small: most memory of a young head is in the first blocks of its series. */
const FIRST_BYTES: u32 = 64

/** Starts a block with a sample, behind those that the series has active. */
export function startBlock(record: usize, time: i64, value: u64): void {
  const total = load<u16>(record, R_ACTIVE_COUNT)
  const previous: usize = total == 0 ? 0 : load<u32>(record, R_TAIL)
  const bytes = previous == 0 ? FIRST_BYTES : sizeAfter(previous, total)
  const block = alloc(bytes)
  store<u32>(block, <u32>previous, B_PREVIOUS)
  store<u16>(block, total, B_BEFORE)
  store<u16>(block, <u16>(bytes - <u32>BLOCK_HEADER), B_ROOM)
  store<i64>(block, time, B_TIME)
  store<u64>(block, value, B_VALUE)
  store<u32>(record, <u32>block, R_TAIL)
  store<u8>(record, 1, R_TAIL_COUNT)
  store<u8>(record, 0, R_TAIL_USED)
}

/** Bytes of the block after `previous`, which ends with sample `total`. Where samples are short it is short, so that readers need not decode many more than they want. */
function sizeAfter(previous: usize, total: u16): u32 {
  const samples = <u32>(total - load<u16>(previous, B_BEFORE))
  return <u32>load<u16>(previous, B_ROOM) < samples << 2 ? 96 : 160
}

// @ts-ignore: decorator
@inline
function isWhole(bits: u64): bool {
  const value = reinterpret<f64>(bits)
  // The comparison of bits keeps -0 out.
  return abs<f64>(value) < MAX_WHOLE && reinterpret<u64>(<f64><i64>value) == bits
}

/** Adds a sample to the tail, which the series has; false when there is no room. */
// @ts-ignore: decorator
@inline
export function addToBlock(record: usize, time: i64, value: u64): bool {
  const block: usize = load<u32>(record, R_TAIL)
  const used = <u32>load<u8>(record, R_TAIL_USED)
  const count = load<u8>(record, R_TAIL_COUNT)
  const step = time - load<i64>(record, R_LAST_TIME)
  // The first distance is the interval itself.
  if (count == 1) store<u32>(block, <u32>step, B_INTERVAL)
  const timeCode = zigzag(step - <i64>load<u32>(block, B_INTERVAL))
  const room = <u32>load<u16>(block, B_ROOM) - used
  const at = block + BLOCK_HEADER + <usize>used
  const before = load<u64>(record, R_LAST_VALUE)
  let end: usize
  if (isWhole(value) && isWhole(before)) {
    const valueCode = zigzag(<i64>reinterpret<f64>(value) - <i64>reinterpret<f64>(before)) << 1
    if ((timeCode | valueCode) < 0x80) {
      if (room < 2) return false
      store<u16>(at, <u16>timeCode | (<u16>valueCode << 8))
      end = at + 2
    } else {
      if (room < varintLength(timeCode) + varintLength(valueCode)) return false
      end = writeVarint(writeVarint(at, timeCode), valueCode)
    }
  } else {
    if (room < varintLength(timeCode) + 9) return false
    end = writeBits(writeVarint(at, timeCode), value ^ before)
  }
  store<u8>(record, <u8>(end - block - BLOCK_HEADER), R_TAIL_USED)
  store<u8>(record, count + 1, R_TAIL_COUNT)
  return true
}

/** Writes up to nine bytes; returns where those that count end. */
function writeBits(at: usize, difference: u64): usize {
  if (difference == 0) {
    store<u8>(at, SAME)
    return at + 1
  }
  const low = ctz(difference) >> 3
  const bytes = 8 - (clz(difference) >> 3) - low
  store<u8>(at, <u8>(1 | ((bytes - 1) << 1) | (low << 4)))
  store<u64>(at, difference >> (low << 3), 1)
  return at + 1 + <usize>bytes
}

/** The oldest block of the chain that ends with `tail` with a sample from `from` on. */
function oldestBlock(tail: usize, from: f64): usize {
  let block = tail
  // What lies before this block is older than its first sample.
  while (load<u32>(block, B_PREVIOUS) != 0 && <f64>load<i64>(block, B_TIME) > from) block = load<u32>(block, B_PREVIOUS)
  return block
}

/** The time of the oldest sample of the chain. */
export function firstBlockTime(tail: usize): i64 {
  return load<i64>(oldestBlock(tail, -Infinity), B_TIME)
}

/**
 * Copies samples of the chain whose tail has `tailCount` as columns of f64 milliseconds and value bits: all from `from` on,
 * and perhaps some before. Returns how many.
 */
export function copyBlocks(tail: usize, tailCount: u32, from: f64, times: usize, values: usize): u32 {
  const oldest = oldestBlock(tail, from)
  const skipped = <u32>load<u16>(oldest, B_BEFORE)
  const total = <u32>load<u16>(tail, B_BEFORE) + tailCount
  let end = total
  let block = tail
  while (true) {
    const before = <u32>load<u16>(block, B_BEFORE)
    const at = <usize>(before - skipped) << 3
    readBlock(block, end - before, times + at, values + at)
    if (block == oldest) return total - skipped
    end = before
    block = load<u32>(block, B_PREVIOUS)
  }
}

function readBlock(block: usize, count: u32, times: usize, values: usize): void {
  let time = load<i64>(block, B_TIME)
  let value = load<u64>(block, B_VALUE)
  store<f64>(times, <f64>time)
  store<u64>(values, value)
  const interval = <i64>load<u32>(block, B_INTERVAL)
  let at = block + BLOCK_HEADER
  const end = times + (<usize>count << 3)
  for (times += 8; times < end; times += 8) {
    values += 8
    const pair = <u32>load<u16>(at)
    if ((pair & NOT_SHORT) == 0) {
      time += interval + unzigzag(<u64>pair & 0x7f)
      value = reinterpret<u64>(reinterpret<f64>(value) + <f64>unzigzag(<u64>pair >> 9))
      at += 2
    } else {
      const timeCode = readVarint(at)
      at += varintLength(timeCode)
      time += interval + unzigzag(timeCode)
      const first = load<u8>(at)
      if ((first & 1) == 0) {
        const valueCode = readVarint(at)
        at += varintLength(valueCode)
        value = reinterpret<u64>(reinterpret<f64>(value) + <f64>unzigzag(valueCode >> 1))
      } else if (first == SAME) at++
      else {
        const bytes = <u64>((first >> 1) & 7) + 1
        const difference = load<u64>(at, 1) & (<u64>-1 >> (64 - (bytes << 3)))
        value ^= difference << (<u64>(first >> 4) << 3)
        at += 1 + <usize>bytes
      }
    }
    store<f64>(times, <f64>time)
    store<u64>(values, value)
  }
}

/** Frees a chain of active blocks, newest first. */
export function freeBlockChain(block: usize): void {
  while (block != 0) {
    const previous: usize = load<u32>(block, B_PREVIOUS)
    free(block, <u32>BLOCK_HEADER + load<u16>(block, B_ROOM))
    block = previous
  }
}
