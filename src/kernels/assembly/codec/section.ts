// A section of a chunk: what carries the timestamps or the values of one series, with the checksum that tells whether it
// is what was written. What the body means is for codec.ts and values.ts.
//
//   u32 checksum of the rest | u16 count | u8 kind | body

export const SECTION_HEADER_BYTES: usize = 7

/** Writes the checksum of `section`, which ends at `end`. Returns the length. */
export function sealSection(section: usize, end: usize): i32 {
  store<u32>(section, checksum(section + 4, end))
  return <i32>(end - section)
}

/** The count of a section whose checksum is right; -1 otherwise. */
export function openSection(section: usize, length: i32, capacity: i32): i32 {
  if (length < <i32>SECTION_HEADER_BYTES) return -1
  if (load<u32>(section) != checksum(section + 4, section + <usize>length)) return -1
  const count = <i32>load<u16>(section, 4)
  return count >= 1 && count <= capacity ? count : -1
}

/** Multiply and fold, eight bytes a step; each step is a bijection of the word, so no single change goes unseen before the last fold. */
function checksum(start: usize, end: usize): u32 {
  let hash: u64 = <u64>(end - start) * 0x9e3779b97f4a7c15
  let at = start
  for (; at + 8 <= end; at += 8) {
    hash = (hash ^ load<u64>(at)) * 0xff51afd7ed558ccd
    hash ^= hash >> 32
  }
  let rest: u64 = 0
  let shift: u64 = 0
  for (; at < end; at++) {
    rest |= <u64>load<u8>(at) << shift
    shift += 8
  }
  hash = (hash ^ rest) * 0xc4ceb9fe1a85ec53
  return <u32>(hash >> 32) ^ <u32>hash
}
