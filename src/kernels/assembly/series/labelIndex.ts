// Symbols (interned strings), label pairs with their postings, and the values of each label name. Main writes, readers
// look up in place. Everything is published by single words: a count or a { pointer, count } pair, so that a reader sees
// a whole vector or an older whole one.
//
//   symbol  { blob u32 }                         blob: { length u32, bytes }, and before it { pairs and names that use it u32 }
//   pair    { name u32, value u32, postings { ptr u32, count u32 }, capacity u32, mark u32 }
//   name    { symbol u32, capacity u32, values { ptr u32, count u32 } }          values: pair ids in order of arrival
//
// A vector of one element has the element itself in place of the pointer.
// Ids that nothing uses any more come back (see forget.ts) and are given again; a free symbol has the next free id in
// place of its blob, a free pair in place of its value.

import { bytesEqual, copyBytes } from '../base/bytes'
import { retire } from '../base/epochs'
import { hash64, mix64 } from '../base/hash'
import {
  FREE_PAIR, FREE_PAIR_COUNT, FREE_SYMBOL, FREE_SYMBOL_COUNT, NAME_COUNT, NAME_DIRECTORY, NAME_DIRECTORY_LENGTH, NAME_SEGMENT_BITS, NAME_TABLE, PAIR_COUNT, PAIR_DIRECTORY,
  PAIR_DIRECTORY_LENGTH, PAIR_SEGMENT_BITS, PAIR_TABLE, SYMBOL_COUNT, SYMBOL_DIRECTORY, SYMBOL_DIRECTORY_LENGTH,
  SYMBOL_SEGMENT_BITS, SYMBOL_TABLE,
} from '../base/layout'
import { alloc, free, usableBytes } from '../base/memory'
import { shardWord, slotIdAt, tableInsert } from '../base/table'

const PAIR_BYTES: usize = 24
const NAME_BYTES: usize = 16
/** Uses and length before a symbol's bytes. */
const BLOB_HEADER: u32 = 8

export const PAIR_POSTINGS: usize = 8
export const PAIR_CAPACITY: usize = 16
export const PAIR_MARK: usize = 20
export const NAME_CAPACITY: usize = 4
export const NAME_VALUES: usize = 8

// @ts-ignore: decorator
@inline
function symbolPlace(symbol: u32): usize {
  const segment: usize = load<u32>(SYMBOL_DIRECTORY + (<usize>(symbol >> SYMBOL_SEGMENT_BITS) << 2))
  return segment + (<usize>(symbol & ((1 << SYMBOL_SEGMENT_BITS) - 1)) << 2)
}

// @ts-ignore: decorator
@inline
export function symbolBlob(symbol: u32): usize {
  return load<u32>(symbolPlace(symbol))
}

// @ts-ignore: decorator
@inline
export function pairRecord(pair: u32): usize {
  const segment: usize = load<u32>(PAIR_DIRECTORY + (<usize>(pair >> PAIR_SEGMENT_BITS) << 2))
  return segment + <usize>(pair & ((1 << PAIR_SEGMENT_BITS) - 1)) * PAIR_BYTES
}

// @ts-ignore: decorator
@inline
export function nameRecord(name: u32): usize {
  const segment: usize = load<u32>(NAME_DIRECTORY + (<usize>(name >> NAME_SEGMENT_BITS) << 2))
  return segment + <usize>(name & ((1 << NAME_SEGMENT_BITS) - 1)) * NAME_BYTES
}

/** Makes sure that the segment of record `index` exists. */
export function ensureSegment(directory: usize, directoryLength: u32, bits: u32, recordBytes: u32, index: u32): void {
  const number = index >> bits
  if (number >= directoryLength) unreachable()
  const entry = directory + (<usize>number << 2)
  if (load<u32>(entry) != 0) return
  const bytes = recordBytes << bits
  const segment = alloc(bytes)
  memory.fill(segment, 0, bytes)
  atomic.store<u32>(entry, <u32>segment)
}

/** The id of the symbol with these bytes, 0 when there is none. Any thread. */
export function findSymbol(ptr: usize, length: u32): u32 {
  return lookupSymbol(ptr, length, <u32>hash64(ptr, length))
}

function lookupSymbol(ptr: usize, length: u32, hash: u32): u32 {
  const word = shardWord(SYMBOL_TABLE, hash)
  if (word == 0) return 0
  let index = hash
  while (true) {
    const entry = slotIdAt(word, index++)
    if (entry == 0) return 0
    if (<u32>entry != hash) continue
    const symbol = <u32>(entry >> 32)
    const blob = symbolBlob(symbol)
    if (load<u32>(blob) == length && bytesEqual(blob + 4, ptr, length)) return symbol
  }
}

/** The id of the symbol with these bytes, new if need be. Main only. */
export function internSymbol(ptr: usize, length: u32): u32 {
  const hash = <u32>hash64(ptr, length)
  const known = lookupSymbol(ptr, length, hash)
  if (known != 0) return known
  let symbol = load<u32>(FREE_SYMBOL)
  if (symbol != 0) {
    store<u32>(FREE_SYMBOL, <u32>symbolBlob(symbol))
    store<u32>(FREE_SYMBOL_COUNT, load<u32>(FREE_SYMBOL_COUNT) - 1)
  } else {
    symbol = load<u32>(SYMBOL_COUNT) + 1
    ensureSegment(SYMBOL_DIRECTORY, SYMBOL_DIRECTORY_LENGTH, SYMBOL_SEGMENT_BITS, 4, symbol)
    atomic.store<u32>(SYMBOL_COUNT, symbol)
  }
  const block = alloc(length + BLOB_HEADER)
  const blob = block + 4
  store<u32>(block, 0)
  store<u32>(blob, length)
  copyBytes(blob + 4, ptr, length)
  store<u32>(symbolPlace(symbol), <u32>blob)
  tableInsert(SYMBOL_TABLE, hash, symbol)
  return symbol
}

/** Gives a symbol back that is in no table and that no reader can have. */
export function freeSymbol(symbol: u32): void {
  const blob = symbolBlob(symbol)
  free(blob - 4, load<u32>(blob) + BLOB_HEADER)
  store<u32>(symbolPlace(symbol), load<u32>(FREE_SYMBOL))
  store<u32>(FREE_SYMBOL, symbol)
  store<u32>(FREE_SYMBOL_COUNT, load<u32>(FREE_SYMBOL_COUNT) + 1)
}

/** How many pairs have the symbol as value, and one more when it is a label name. */
// @ts-ignore: decorator
@inline
export function symbolUses(symbol: u32): u32 {
  return load<u32>(symbolBlob(symbol) - 4)
}

export function useSymbol(symbol: u32, more: i32): void {
  const uses = symbolBlob(symbol) - 4
  store<u32>(uses, load<u32>(uses) + more)
}

// @ts-ignore: decorator
@inline
function pairHash(name: u32, value: u32): u32 {
  return <u32>mix64((<u64>name << 32) | <u64>value)
}

/** The id of the label pair, 0 when no series has it. Any thread. */
export function findPair(name: u32, value: u32): u32 {
  const hash = pairHash(name, value)
  const word = shardWord(PAIR_TABLE, hash)
  if (word == 0) return 0
  let index = hash
  while (true) {
    const entry = slotIdAt(word, index++)
    if (entry == 0) return 0
    if (<u32>entry != hash) continue
    const pair = <u32>(entry >> 32)
    const record = pairRecord(pair)
    if (load<u32>(record) == name && load<u32>(record, 4) == value) return pair
  }
}

/** The id of the label pair, new if need be. Main only. */
export function internPair(name: u32, value: u32): u32 {
  const known = findPair(name, value)
  if (known != 0) return known
  let pair = load<u32>(FREE_PAIR)
  if (pair != 0) {
    store<u32>(FREE_PAIR, load<u32>(pairRecord(pair), 4))
    store<u32>(FREE_PAIR_COUNT, load<u32>(FREE_PAIR_COUNT) - 1)
  } else {
    pair = load<u32>(PAIR_COUNT) + 1
    ensureSegment(PAIR_DIRECTORY, PAIR_DIRECTORY_LENGTH, PAIR_SEGMENT_BITS, <u32>PAIR_BYTES, pair)
  }
  const record = pairRecord(pair)
  store<u32>(record, name)
  store<u32>(record, value, 4)
  useSymbol(value, 1)
  if (pair > load<u32>(PAIR_COUNT)) atomic.store<u32>(PAIR_COUNT, pair)
  tableInsert(PAIR_TABLE, pairHash(name, value), pair)
  const nameRow = nameRecord(internName(name))
  vectorPush(nameRow + 8, nameRow + 4, pair)
  return pair
}

/** Gives a pair back that is in no table and no list and that no reader can have. */
export function freePair(pair: u32): void {
  const record = pairRecord(pair)
  memory.fill(record, 0, PAIR_BYTES)
  store<u32>(record, load<u32>(FREE_PAIR), 4)
  store<u32>(FREE_PAIR, pair)
  store<u32>(FREE_PAIR_COUNT, load<u32>(FREE_PAIR_COUNT) + 1)
}

/** The number of the label name with this symbol, 0 when no series has it. Any thread. */
export function findName(symbol: u32): u32 {
  const hash = <u32>mix64(<u64>symbol)
  const word = shardWord(NAME_TABLE, hash)
  if (word == 0) return 0
  let index = hash
  while (true) {
    const entry = slotIdAt(word, index++)
    if (entry == 0) return 0
    if (<u32>entry != hash) continue
    const name = <u32>(entry >> 32)
    if (load<u32>(nameRecord(name)) == symbol) return name
  }
}

function internName(symbol: u32): u32 {
  const known = findName(symbol)
  if (known != 0) return known
  const name = load<u32>(NAME_COUNT) + 1
  ensureSegment(NAME_DIRECTORY, NAME_DIRECTORY_LENGTH, NAME_SEGMENT_BITS, <u32>NAME_BYTES, name)
  store<u32>(nameRecord(name), symbol)
  useSymbol(symbol, 1)
  atomic.store<u32>(NAME_COUNT, name)
  tableInsert(NAME_TABLE, <u32>mix64(<u64>symbol), name)
  return name
}

/** Appends to a vector whose { ptr, count } word is at `word` and whose capacity is at `capacityAt`. */
export function vectorPush(word: usize, capacityAt: usize, value: u32): void {
  const old = load<u64>(word)
  const ptr = <u32>old
  const count = <u32>(old >> 32)
  if (count == 0) {
    atomic.store<u64>(word, <u64>value | (1 << 32))
    return
  }
  let capacity = load<u32>(capacityAt)
  if (count >= capacity) {
    // By half more: postings are most of the index's memory.
    const bytes = usableBytes(count < 3 ? 16 : (count + (count >> 1)) << 2)
    const grown = alloc(bytes)
    if (count == 1) store<u32>(grown, ptr)
    else memory.copy(grown, ptr, count << 2)
    store<u32>(grown + (<usize>count << 2), value)
    atomic.store<u64>(word, <u64>(<u32>grown) | (<u64>(count + 1) << 32))
    store<u32>(capacityAt, bytes >> 2)
    if (count > 1) retire(ptr, capacity << 2)
    return
  }
  store<u32>(<usize>ptr + (<usize>count << 2), value)
  atomic.store<u64>(word, <u64>ptr | (<u64>(count + 1) << 32))
}

/** The { ptr, count } word of a pair's postings. Any thread. */
export function pairPostings(pair: u32): u64 {
  return atomic.load<u64>(pairRecord(pair) + 8)
}

/** Adds a series to a pair's postings, which stay ascending. Main only. */
export function addPosting(pair: u32, ref: u32): void {
  const record = pairRecord(pair)
  const word = load<u64>(record, 8)
  const count = <u32>(word >> 32)
  if (count == 0 || ref > vectorAt(word, count - 1)) {
    vectorPush(record + 8, record + 16, ref)
    return
  }
  // A replayed log may bring a series after one that was created later. Nobody reads before the replay has ended, so those
  // that come behind it are moved on in place: a copy each time would take gigabytes when two senders began together.
  vectorPush(record + 8, record + 16, vectorAt(word, count - 1))
  const list: usize = load<u32>(record, 8)
  let at = count
  while (at > 0 && load<u32>(list + (<usize>(at - 1) << 2)) > ref) at--
  const place = list + (<usize>at << 2)
  memory.copy(place + 4, place, <usize>(count - at) << 2)
  store<u32>(place, ref)
}

/** Takes one series out of a pair's postings, which may become empty. Main only. */
export function removePosting(pair: u32, ref: u32): void {
  const record = pairRecord(pair)
  const word = load<u64>(record, PAIR_POSTINGS)
  const count = <u32>(word >> 32)
  const kept = alloc(count << 2)
  let keptCount: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const other = vectorAt(word, i)
    if (other == ref) continue
    store<u32>(kept + (<usize>keptCount << 2), other)
    keptCount++
  }
  replaceVector(record + PAIR_POSTINGS, record + PAIR_CAPACITY, kept, keptCount)
  free(kept, count << 2)
}

/** Gives a vector the `count` elements at `from`, which are copied. */
export function replaceVector(word: usize, capacityAt: usize, from: usize, count: u32): void {
  const old = load<u64>(word)
  const capacity = load<u32>(capacityAt)
  if (count <= 1) {
    atomic.store<u64>(word, count == 0 ? 0 : <u64>load<u32>(from) | (1 << 32))
    store<u32>(capacityAt, 0)
  } else {
    const bytes = usableBytes(count << 2)
    const fresh = alloc(bytes)
    memory.copy(fresh, from, count << 2)
    atomic.store<u64>(word, <u64>(<u32>fresh) | (<u64>count << 32))
    store<u32>(capacityAt, bytes >> 2)
  }
  if (old >> 32 > 1) retire(<u32>old, capacity << 2)
}

// @ts-ignore: decorator
@inline
export function vectorAt(word: u64, index: u32): u32 {
  return word >> 32 == 1 ? <u32>word : load<u32>(<usize>(<u32>word) + (<usize>index << 2))
}

/** The { ptr, count } word of a name's values. Any thread. */
export function nameValues(name: u32): u64 {
  return atomic.load<u64>(nameRecord(name) + 8)
}

export function nameSymbol(name: u32): u32 {
  return load<u32>(nameRecord(name))
}

export function pairName(pair: u32): u32 {
  return load<u32>(pairRecord(pair))
}

export function pairValue(pair: u32): u32 {
  return load<u32>(pairRecord(pair), 4)
}
