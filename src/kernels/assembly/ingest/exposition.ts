// The text exposition format against what a target sent before: the raw bytes of `name{labels}` are the key to the series
// ref, and since a target nearly always sends the same lines in the same order, the entry after the last one is tried
// first. Lines never seen are listed for the slow path in TypeScript; values and timestamps are parsed here.
//
// Cache:  { entries u32, count u32, capacity u32, slots u32, slot capacity u32, generation u32, next cache u32, the one before u32 }.
// Entry:  { fingerprint 2 x u64, ref u32, text bytes u32, seen u32 (generation), tracked u32 (generation), live u32, zero u32 }.
//         `seen`: was in that scrape; `tracked`: so that its end is to be marked; `live`: tracked in the last commit.
// State:  { input u32, bytes u32, position u32, batch u32, cache u32, cursor u32, flags u32, samples u32, time i64,
//           misses u32, miss count u32, miss capacity u32, hard u32, hard count u32, hard capacity u32,
//           comments u32, comment count u32, comment capacity u32, error u32, number { bits u64, end u32 }, fingerprint 2 x u64,
//           comments' fingerprint 2 x u64, owns its input u32, zero u32 }.
// Miss:   { batch index u32, offset u32, length u32, comments before u32, entry u32 }; length 0: the same series again.
// Hard:   { batch index u32, offset u32, length u32 }.     Comment: { offset u32, length u32 }.

import { addToFingerprint, fingerprint128, mix64 } from '../base/hash'
import { SCRAPE_CACHES, SPARE_PARSE } from '../base/layout'
import { freeList, link, push, unlink } from '../base/list'
import { alloc, free, usableBytes } from '../base/memory'
import { NUMBER_BAD, NUMBER_HARD, parseNumber } from '../base/number'
import { BATCH_COUNT, BATCH_REFS, BATCH_TIMES, BATCH_VALUES, stage } from '../batch/batch'
import { R_SLOT, seriesRecord, spare } from '../samples/seriesRecord'

const K_ENTRIES: usize = 0
const K_COUNT: usize = 4
const K_CAPACITY: usize = 8
const K_SLOTS: usize = 12
const K_SLOT_CAPACITY: usize = 16
const K_GENERATION: usize = 20
const K_LINK: usize = 24
const CACHE_BYTES: u32 = 32

const ENTRY_BYTES: u32 = 40
const E_REF: usize = 16
const E_BYTES: usize = 20
const E_SEEN: usize = 24
const E_TRACKED: usize = 28
const E_LIVE: usize = 32

const X_IN: usize = 0
const X_BYTES: usize = 4
const X_POSITION: usize = 8
const X_BATCH: usize = 12
const X_CACHE: usize = 16
const X_CURSOR: usize = 20
const X_FLAGS: usize = 24
const X_SAMPLES: usize = 28
const X_TIME: usize = 32
const X_MISSES: usize = 40 // pointer, count, capacity
const X_HARD: usize = 52
const X_COMMENTS: usize = 64
const X_ERROR: usize = 76
const X_NUMBER: usize = 80
const X_FINGERPRINT: usize = 96
const X_COMMENTS_FINGERPRINT: usize = 112
const X_OWNS_INPUT: usize = 128
const PARSE_BYTES: u32 = 136

const MISS_BYTES: u32 = 20
const HARD_BYTES: u32 = 12
const COMMENT_BYTES: u32 = 8

const FLAG_HONOR_TIMESTAMPS: u32 = 1
const FLAG_TRACK_TIMESTAMPS: u32 = 2

export const PARSE_MORE: i32 = 0
export const PARSE_DONE: i32 = 1
/** The line at `error` (offset of its first byte) is not valid. */
export const PARSE_BAD_LINE: i32 = -1

/** Behind a body: a line feed, so that the last line may do without, and zeros. */
const SLACK: u32 = 64
/** Most bytes of lists that a spare state keeps. */
const SPARE_BYTES: u32 = 65536
/** Samples per slice, and bytes where there are few samples. */
const STEP_SAMPLES: u32 = 20000
const STEP_BYTES: usize = 4 << 20

/** A series of the cache that has not been resolved yet. */
const REF_PENDING: u32 = u32.MAX_VALUE

export function newScrapeCache(): usize {
  const cache = alloc(CACHE_BYTES)
  memory.fill(cache, 0, CACHE_BYTES)
  link(SCRAPE_CACHES, cache, K_LINK)
  return cache
}

export function freeScrapeCache(cache: usize): void {
  unlink(SCRAPE_CACHES, cache, K_LINK)
  const capacity = load<u32>(cache, K_CAPACITY)
  if (capacity != 0) free(load<u32>(cache, K_ENTRIES), capacity * ENTRY_BYTES)
  const slots = load<u32>(cache, K_SLOT_CAPACITY)
  if (slots != 0) free(load<u32>(cache, K_SLOTS), slots << 2)
  free(cache, CACHE_BYTES)
}

/**
 * Begins a parse of the body at `given`, which has SLACK writable bytes behind it and stays as it is until `keepInput` or
 * `freeParse`; when that is 0, the body goes to `input` (the state's first word). `flags`: 1 honour timestamps, 2 track series that have
 * them.
 */
export function newParse(bytes: u32, batch: usize, cache: usize, time: f64, flags: u32, given: usize): usize {
  let parse: usize = load<u32>(SPARE_PARSE)
  if (parse == 0) {
    parse = alloc(PARSE_BYTES)
    memory.fill(parse, 0, PARSE_BYTES)
  } else store<u32>(SPARE_PARSE, 0)
  const input = given == 0 ? alloc(bytes + SLACK) : given
  memory.fill(input + bytes, 0, SLACK)
  store<u8>(input + bytes, 0x0a)
  store<u32>(parse, <u32>input, X_IN)
  store<u32>(parse, bytes + 1, X_BYTES)
  store<u32>(parse, given == 0 ? 1 : 0, X_OWNS_INPUT)
  store<u32>(parse, <u32>input, X_POSITION)
  store<u32>(parse, <u32>batch, X_BATCH)
  store<u32>(parse, <u32>cache, X_CACHE)
  store<u32>(parse, flags, X_FLAGS)
  store<i64>(parse, <i64>time, X_TIME)
  // Generations start at 1: an entry that was never seen has 0.
  store<u32>(cache, load<u32>(cache, K_GENERATION) + 1, K_GENERATION)
  return parse
}

/** Of the body with what is behind it. */
function inputBytes(parse: usize): u32 {
  return load<u32>(parse, X_BYTES) - 1 + SLACK
}

/** The body is parsed on from a copy, if it is not one. */
export function keepInput(parse: usize): void {
  if (load<u32>(parse, X_OWNS_INPUT) != 0) return
  const given = load<u32>(parse, X_IN)
  const bytes = inputBytes(parse)
  const input = <u32>alloc(bytes)
  memory.copy(input, given, bytes)
  store<u32>(parse, input, X_IN)
  store<u32>(parse, load<u32>(parse, X_POSITION) - given + input, X_POSITION)
  store<u32>(parse, 1, X_OWNS_INPUT)
}

/** The state is kept for the next parse when there is no other and its lists are not long. */
export function freeParse(parse: usize): void {
  if (load<u32>(parse, X_OWNS_INPUT) != 0) free(load<u32>(parse, X_IN), inputBytes(parse))
  const listBytes = load<u32>(parse, X_MISSES + 8) * MISS_BYTES + load<u32>(parse, X_HARD + 8) * HARD_BYTES + load<u32>(parse, X_COMMENTS + 8) * COMMENT_BYTES
  if (load<u32>(SPARE_PARSE) == 0 && listBytes <= SPARE_BYTES) {
    memory.fill(parse, 0, <u32>X_MISSES)
    store<u32>(parse, 0, X_MISSES + 4)
    store<u32>(parse, 0, X_HARD + 4)
    store<u32>(parse, 0, X_COMMENTS + 4)
    memory.fill(parse + X_ERROR, 0, PARSE_BYTES - <u32>X_ERROR)
    store<u32>(SPARE_PARSE, <u32>parse)
    return
  }
  freeList(parse + X_MISSES, MISS_BYTES)
  freeList(parse + X_HARD, HARD_BYTES)
  freeList(parse + X_COMMENTS, COMMENT_BYTES)
  free(parse, PARSE_BYTES)
}

// @ts-ignore: decorator
@inline
function skipBlanks(at: usize): usize {
  while (load<u8>(at) == 0x20 || load<u8>(at) == 0x09) at++
  return at
}

// @ts-ignore: decorator
@inline
function isNameStart(char: u32): bool {
  return (char | 0x20) - 0x61 < 26 || char == 0x5f || char == 0x3a
}

// @ts-ignore: decorator
@inline
function isNameChar(char: u32): bool {
  return isNameStart(char) || char - 0x30 < 10
}

/** Parses lines until the body ends or a slice's worth is done. */
export function parseStep(parse: usize): i32 {
  const end = <usize>load<u32>(parse, X_IN) + <usize>load<u32>(parse, X_BYTES)
  const stop = load<u32>(parse, X_SAMPLES) + STEP_SAMPLES
  let at: usize = load<u32>(parse, X_POSITION)
  const stopAt = at + STEP_BYTES
  while (at < end) {
    if (load<u32>(parse, X_SAMPLES) >= stop || at > stopAt) {
      store<u32>(parse, <u32>at, X_POSITION)
      return PARSE_MORE
    }
    const line = at
    at = skipBlanks(at)
    const char = load<u8>(at)
    if (char == 0x0a) at++
    else if (char == 0x23) at = comment(parse, at, end)
    else at = sample(parse, at, end)
    if (at == 0 || at > end) {
      store<u32>(parse, <u32>(line - <usize>load<u32>(parse, X_IN)), X_ERROR)
      return PARSE_BAD_LINE
    }
  }
  return PARSE_DONE
}

function lineEnd(at: usize, end: usize): usize {
  const feed = i8x16.splat(0x0a)
  while (at < end) {
    const mask = i8x16.bitmask(i8x16.eq(v128.load(at), feed))
    if (mask != 0) return at + ctz(mask)
    at += 16
  }
  return end
}

/** Lists a comment that may be HELP, TYPE or UNIT. */
function comment(parse: usize, at: usize, end: usize): usize {
  const feed = lineEnd(at, end)
  const word = load<u8>(skipBlanks(at + 1))
  if (word == 0x48 || word == 0x54 || word == 0x55) {
    const entry = push(parse + X_COMMENTS, COMMENT_BYTES)
    store<u32>(entry, <u32>(at - <usize>load<u32>(parse, X_IN)))
    store<u32>(entry, <u32>(feed - at), 4)
    addToFingerprint(parse + X_COMMENTS_FINGERPRINT, at, <u32>(feed - at))
  }
  return feed + 1
}

/** Parses one sample line; returns the start of the next line, 0 when the line is not valid. */
function sample(parse: usize, start: usize, end: usize): usize {
  const cache: usize = load<u32>(parse, X_CACHE)
  const entries: usize = load<u32>(cache, K_ENTRIES)
  const cursor = load<u32>(parse, X_CURSOR)
  let entry: usize = 0
  let at: usize = 0
  if (cursor < load<u32>(cache, K_COUNT)) {
    // The same text as after the last line in the scrapes before?
    const candidate = entries + <usize>cursor * ENTRY_BYTES
    const length = load<u32>(candidate, E_BYTES)
    if (start + length < end && endsSeries(start, start + length)) {
      fingerprint128(start, length, parse + X_FINGERPRINT)
      if (load<u64>(parse, X_FINGERPRINT) == load<u64>(candidate) && load<u64>(parse, X_FINGERPRINT + 8) == load<u64>(candidate, 8)) {
        entry = candidate
        at = start + length
        store<u32>(parse, cursor + 1, X_CURSOR)
      }
    }
  }
  let missAt: usize = 0
  if (entry == 0) {
    at = seriesEnd(start, end)
    if (at == 0) return 0
    const length = <u32>(at - start)
    fingerprint128(start, length, parse + X_FINGERPRINT)
    let index = findEntry(cache, parse + X_FINGERPRINT)
    if (index == 0) {
      index = addEntry(cache, parse + X_FINGERPRINT, length)
      missAt = push(parse + X_MISSES, MISS_BYTES)
      store<u32>(missAt, <u32>(start - <usize>load<u32>(parse, X_IN)), 4)
      store<u32>(missAt, length, 8)
      store<u32>(missAt, load<u32>(parse, X_COMMENTS + 4), 12)
      store<u32>(missAt, index - 1, 16)
    }
    entry = <usize>load<u32>(cache, K_ENTRIES) + <usize>(index - 1) * ENTRY_BYTES
    store<u32>(parse, index, X_CURSOR)
  }
  return sampleValue(parse, cache, entry, missAt, at, end)
}

/** Whether a series text that ends at `at` is whole: a bare name must not go on, nor have labels behind it. */
// @ts-ignore: decorator
@inline
function endsSeries(start: usize, at: usize): bool {
  if (load<u8>(at - 1) == 0x7d) return true
  return !isNameChar(<u32>load<u8>(at)) && load<u8>(skipBlanks(at)) != 0x7b
}

/** The end of `name`, `name{...}` or `{...}`; 0 when there is none. Whether the labels are well-formed is for the slow path. */
function seriesEnd(start: usize, end: usize): usize {
  let at = start
  if (load<u8>(at) != 0x7b) {
    if (!isNameStart(<u32>load<u8>(at))) return 0
    do {
      at++
    } while (isNameChar(<u32>load<u8>(at)))
    const brace = skipBlanks(at)
    if (load<u8>(brace) != 0x7b) return at
    at = brace
  }
  at++
  const quote = i8x16.splat(0x22)
  const backslash = i8x16.splat(0x5c)
  while (at < end) {
    const char = load<u8>(at++)
    if (char == 0x7d) return at
    if (char == 0x0a) return 0
    if (char != 0x22) continue
    // Inside quotes, where a brace or a line feed is part of the value.
    while (true) {
      if (at >= end) return 0
      const word = v128.load(at)
      const mask = i8x16.bitmask(v128.or(i8x16.eq(word, quote), i8x16.eq(word, backslash)))
      if (mask == 0) {
        at += 16
        continue
      }
      at += ctz(mask)
      if (load<u8>(at) == 0x22) {
        at++
        break
      }
      at += 2
    }
  }
  return 0
}

// @ts-ignore: decorator
@inline
function sampleValue(parse: usize, cache: usize, entry: usize, missAt: usize, seriesEnd: usize, end: usize): usize {
  const batch: usize = load<u32>(parse, X_BATCH)
  const valueAt = skipBlanks(seriesEnd)
  const status = parseNumber(valueAt, parse + X_NUMBER)
  if (status == NUMBER_BAD) return 0
  let at: usize = load<u32>(parse, X_NUMBER + 8)
  const valueEnd = at
  let time = load<i64>(parse, X_TIME)
  let explicit = false
  const flags = load<u32>(parse, X_FLAGS)
  if (load<u8>(at) != 0x0a) {
    at = skipBlanks(at)
    if (load<u8>(at) != 0x0a) {
      let stamp: i64 = 0
      let digits = 0
      while (true) {
        const digit = <u32>load<u8>(at) - 0x30
        if (digit > 9) break
        // Room for one more digit without overflow, else the text is out of int64's range.
        if (stamp > 922337203685477580 || (stamp == 922337203685477580 && digit > 7)) return 0
        stamp = stamp * 10 + <i64>digit
        digits++
        at++
      }
      if (digits == 0) return 0
      at = skipBlanks(at)
      if (load<u8>(at) != 0x0a) return 0
      if ((flags & FLAG_HONOR_TIMESTAMPS) != 0) {
        time = stamp
        explicit = true
      }
    }
  }
  if (at >= end) return 0
  const index = load<u32>(batch, BATCH_COUNT)
  if (missAt != 0) store<u32>(missAt, index)
  else if (load<u32>(entry, E_REF) == REF_PENDING) {
    const again = push(parse + X_MISSES, MISS_BYTES)
    store<u32>(again, index)
    store<u32>(again, 0, 8)
    store<u32>(again, <u32>((entry - <usize>load<u32>(cache, K_ENTRIES)) / ENTRY_BYTES), 16)
  }
  if (status == NUMBER_HARD) {
    const hard = push(parse + X_HARD, HARD_BYTES)
    const input: usize = load<u32>(parse, X_IN)
    store<u32>(hard, index)
    store<u32>(hard, <u32>(valueAt - input), 4)
    store<u32>(hard, <u32>(valueEnd - valueAt), 8)
  }
  stage(batch, load<u32>(entry, E_REF), time, load<u64>(parse, X_NUMBER))
  const generation = load<u32>(cache, K_GENERATION)
  store<u32>(entry, generation, E_SEEN)
  if (!explicit || (flags & FLAG_TRACK_TIMESTAMPS) != 0) store<u32>(entry, generation, E_TRACKED)
  store<u32>(parse, load<u32>(parse, X_SAMPLES) + 1, X_SAMPLES)
  return at + 1
}

// The cache's entries are found through open addressing slots of entry index + 1.

// @ts-ignore: decorator
@inline
function firstSlot(fingerprint: usize): u32 {
  return <u32>mix64(load<u64>(fingerprint) + rotl<u64>(load<u64>(fingerprint, 8), 17))
}

function findEntry(cache: usize, fingerprint: usize): u32 {
  const capacity = load<u32>(cache, K_SLOT_CAPACITY)
  if (capacity == 0) return 0
  const slots: usize = load<u32>(cache, K_SLOTS)
  const entries: usize = load<u32>(cache, K_ENTRIES)
  const f1 = load<u64>(fingerprint)
  const f2 = load<u64>(fingerprint, 8)
  let index = firstSlot(fingerprint) & (capacity - 1)
  while (true) {
    const number = load<u32>(slots + (<usize>index << 2))
    if (number == 0) return 0
    const entry = entries + <usize>(number - 1) * ENTRY_BYTES
    if (load<u64>(entry) == f1 && load<u64>(entry, 8) == f2) return number
    index = (index + 1) & (capacity - 1)
  }
}

/** Adds an entry and returns its index + 1. */
function addEntry(cache: usize, fingerprint: usize, length: u32): u32 {
  const count = load<u32>(cache, K_COUNT)
  const capacity = load<u32>(cache, K_CAPACITY)
  if (count == capacity) {
    const bytes = usableBytes(max(capacity + (capacity >> 1), 16) * ENTRY_BYTES)
    const grown = alloc(bytes)
    if (capacity != 0) {
      memory.copy(grown, load<u32>(cache, K_ENTRIES), count * ENTRY_BYTES)
      free(load<u32>(cache, K_ENTRIES), capacity * ENTRY_BYTES)
    }
    store<u32>(cache, <u32>grown, K_ENTRIES)
    store<u32>(cache, bytes / ENTRY_BYTES, K_CAPACITY)
  }
  const entry = <usize>load<u32>(cache, K_ENTRIES) + <usize>count * ENTRY_BYTES
  memory.fill(entry, 0, ENTRY_BYTES)
  store<u64>(entry, load<u64>(fingerprint))
  store<u64>(entry, load<u64>(fingerprint, 8), 8)
  store<u32>(entry, REF_PENDING, E_REF)
  store<u32>(entry, length, E_BYTES)
  store<u32>(cache, count + 1, K_COUNT)
  if ((count + 1) * 4 > load<u32>(cache, K_SLOT_CAPACITY) * 3) rebuildSlots(cache)
  else placeEntry(cache, count)
  return count + 1
}

function placeEntry(cache: usize, index: u32): void {
  const mask = load<u32>(cache, K_SLOT_CAPACITY) - 1
  const slots: usize = load<u32>(cache, K_SLOTS)
  let slot = firstSlot(<usize>load<u32>(cache, K_ENTRIES) + <usize>index * ENTRY_BYTES) & mask
  while (load<u32>(slots + (<usize>slot << 2)) != 0) slot = (slot + 1) & mask
  store<u32>(slots + (<usize>slot << 2), index + 1)
}

function rebuildSlots(cache: usize): void {
  const old = load<u32>(cache, K_SLOT_CAPACITY)
  if (old != 0) free(load<u32>(cache, K_SLOTS), old << 2)
  const count = load<u32>(cache, K_COUNT)
  let capacity: u32 = 16
  while (count * 4 > capacity * 3) capacity <<= 1
  const slots = alloc(capacity << 2)
  memory.fill(slots, 0, capacity << 2)
  store<u32>(cache, <u32>slots, K_SLOTS)
  store<u32>(cache, capacity, K_SLOT_CAPACITY)
  for (let i: u32 = 0; i < count; i++) placeEntry(cache, i)
}

/** Gives the series of miss number `miss` its ref; 0: dropped. */
export function resolveMiss(parse: usize, miss: u32, ref: u32): void {
  const entry = <usize>load<u32>(parse, X_MISSES) + <usize>miss * MISS_BYTES
  const cache: usize = load<u32>(parse, X_CACHE)
  store<u32>(<usize>load<u32>(cache, K_ENTRIES) + <usize>load<u32>(entry, 16) * ENTRY_BYTES, ref, E_REF)
}

/** After all misses are resolved: puts their refs into the batch. Returns how many samples of the body are kept (not dropped). */
export function settleRefs(parse: usize): u32 {
  const batch: usize = load<u32>(parse, X_BATCH)
  const refs: usize = load<u32>(batch, BATCH_REFS)
  const entries: usize = load<u32>(<usize>load<u32>(parse, X_CACHE), K_ENTRIES)
  const misses: usize = load<u32>(parse, X_MISSES)
  const missCount = load<u32>(parse, X_MISSES + 4)
  for (let i: u32 = 0; i < missCount; i++) {
    const miss = misses + <usize>i * MISS_BYTES
    store<u32>(refs + (<usize>load<u32>(miss) << 2), load<u32>(entries + <usize>load<u32>(miss, 16) * ENTRY_BYTES, E_REF))
  }
  return keptCount(parse, u32.MAX_VALUE)
}

/** How many of the first `limit` staged samples belong to a series that is not dropped; unresolved ones count as kept. */
export function keptCount(parse: usize, limit: u32): u32 {
  const batch: usize = load<u32>(parse, X_BATCH)
  const refs: usize = load<u32>(batch, BATCH_REFS)
  const count = min<u32>(load<u32>(batch, BATCH_COUNT), limit)
  let kept: u32 = 0
  for (let i: u32 = 0; i < count; i++) if (load<u32>(refs + (<usize>i << 2)) != 0) kept++
  return kept
}

/** The exact value of hard number `index`, found by the caller. */
export function setHardValue(parse: usize, index: u32, value: f64): void {
  const entry = <usize>load<u32>(parse, X_HARD) + <usize>index * HARD_BYTES
  const batch: usize = load<u32>(parse, X_BATCH)
  store<f64>(<usize>load<u32>(batch, BATCH_VALUES) + (<usize>load<u32>(entry) << 3), value)
}

/** Removes entries without a ref, when `oldest` is not 0 those last seen before generation `oldest`, and on demand the dropped ones. */
export function compact(cache: usize, oldest: u32, dropped: bool): void {
  const count = load<u32>(cache, K_COUNT)
  const entries: usize = load<u32>(cache, K_ENTRIES)
  let kept: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const entry = entries + <usize>i * ENTRY_BYTES
    if (load<u32>(entry, E_REF) == REF_PENDING || (dropped && load<u32>(entry, E_REF) == 0) || (load<u32>(entry, E_SEEN) < oldest && load<u32>(entry, E_LIVE) == 0)) continue
    if (i != kept) memory.copy(entries + <usize>kept * ENTRY_BYTES, entry, ENTRY_BYTES)
    kept++
  }
  if (kept == count) return
  store<u32>(cache, kept, K_COUNT)
  rebuildSlots(cache)
}

/**
 * Ends a scrape: stages staleness markers at `time` for series that were live and are not in generation `generation`
 * (0: none is), and remembers which are live now. Returns the number of markers.
 */
export function markGone(cache: usize, batch: usize, generation: u32, time: f64): u32 {
  const count = load<u32>(cache, K_COUNT)
  const entries: usize = load<u32>(cache, K_ENTRIES)
  let gone: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const entry = entries + <usize>i * ENTRY_BYTES
    const tracked = generation != 0 && load<u32>(entry, E_TRACKED) == generation && load<u32>(entry, E_REF) != 0
    if (load<u32>(entry, E_LIVE) != 0 && !tracked) gone++
    else store<u32>(entry, tracked ? 1 : 0, E_LIVE)
  }
  if (gone == 0) return 0
  // Two texts may mean one series: it is gone only when no other text of it is there.
  for (let i: u32 = 0; i < count; i++) {
    const entry = entries + <usize>i * ENTRY_BYTES
    if (generation != 0 && load<u32>(entry, E_SEEN) == generation && load<u32>(entry, E_REF) != 0) store<u32>(seriesRecord(load<u32>(entry, E_REF)), i, R_SLOT)
  }
  let marked: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const entry = entries + <usize>i * ENTRY_BYTES
    if (load<u32>(entry, E_LIVE) == 0 || (generation != 0 && load<u32>(entry, E_TRACKED) == generation)) continue
    store<u32>(entry, 0, E_LIVE)
    const ref = load<u32>(entry, E_REF)
    const slot = load<u32>(seriesRecord(ref), R_SLOT)
    if (generation != 0 && slot < count) {
      const other = entries + <usize>slot * ENTRY_BYTES
      if (load<u32>(other, E_REF) == ref && load<u32>(other, E_SEEN) == generation) continue
    }
    stage(batch, ref, <i64>time, 0x7ff0000000000002)
    marked++
  }
  return marked
}

/** Takes the series of all caches out of the removal that runs: their targets may send them again. */
export function spareCached(): void {
  for (let cache: usize = load<u32>(SCRAPE_CACHES); cache != 0; cache = load<u32>(cache, K_LINK)) {
    const count = load<u32>(cache, K_COUNT)
    let entry: usize = load<u32>(cache, K_ENTRIES)
    for (let i: u32 = 0; i < count; i++) {
      spare(load<u32>(entry, E_REF))
      entry += ENTRY_BYTES
    }
  }
}

/** Writes the refs of live series to `out` (room for all entries) and returns their number. */
export function liveRefs(cache: usize, out: usize): u32 {
  const count = load<u32>(cache, K_COUNT)
  const entries: usize = load<u32>(cache, K_ENTRIES)
  let live: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const entry = entries + <usize>i * ENTRY_BYTES
    if (load<u32>(entry, E_LIVE) == 0) continue
    store<u32>(out + (<usize>live << 2), load<u32>(entry, E_REF))
    live++
  }
  return live
}
