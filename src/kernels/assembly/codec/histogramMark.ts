// What stands for a native histogram among the values of its series: a quiet NaN that no arithmetic makes. Its upper word says
// what is known of the counter behind it, its lower word where the histogram is, as whoever has the value understands it:
// in a batch the place among its images, in active blocks a block of rows, whose number is in the upper word, in what a
// reader has decoded the place in its arena, and on disk nothing.
//
//   upper word  0x7ffc4xxx: bits 2 to 7 the row, bits 0 and 1 the hint
//   hint        0 unknown, 1 reset, 2 not reset, 3 gauge, as in the messages of remote write

const MARK: u64 = 0x7ffc4800 << 32
const MARK_MASK: u64 = <u64>0xffffff00 << 32
export const HINT_MASK: u64 = 3 << 32

/** An ordinary NaN. */
export const NOT_A_NUMBER: u64 = 0x7ff8000000000001

/** Rows in one block of them. */
export const MAX_ROWS: u32 = 64

// @ts-ignore: decorator
@inline
export function isMark(bits: u64): bool {
  return (bits & MARK_MASK) == MARK
}

/** A number as it is stored: one that looks like a mark is an ordinary NaN. */
// @ts-ignore: decorator
@inline
export function numberOnly(bits: u64): u64 {
  return isMark(bits) ? NOT_A_NUMBER : bits
}

// @ts-ignore: decorator
@inline
export function markOf(hint: u64, place: u32): u64 {
  return MARK | (hint << 32) | <u64>place
}

// @ts-ignore: decorator
@inline
export function rowMark(mark: u64, block: usize, row: u32): u64 {
  return MARK | (mark & HINT_MASK) | (<u64>row << 34) | <u64>(<u32>block)
}

/** The mark with another place, or with none. */
// @ts-ignore: decorator
@inline
export function markAt(mark: u64, place: u32): u64 {
  return MARK | (mark & HINT_MASK) | <u64>place
}

// @ts-ignore: decorator
@inline
export function markPlace(mark: u64): u32 {
  return <u32>mark
}

// @ts-ignore: decorator
@inline
export function markRow(mark: u64): u32 {
  return <u32>(mark >> 34) & (MAX_ROWS - 1)
}

/** Whether some of the `count` values stand for histograms. */
export function hasMarks(values: usize, count: u32): bool {
  const end = values + (<usize>count << 3)
  for (; values < end; values += 8) if (isMark(load<u64>(values))) return true
  return false
}
