// Removal of series that nothing is left of, in memory or on disk. The caller brings the refs of those that have nothing on
// disk; what has samples in memory, or is held by somebody, stays. Holders of refs are the open batches and the scrape
// caches, which are asked, and whoever finds a series by its labels meanwhile, which takes it out of the candidates (`spare`).
// Everything goes in steps between which main does other work, in this order:
//
//   raw table     no label bytes lead to a candidate any more
//   mark          candidates without holder and samples become FLAG_FORGOTTEN: nobody finds them any more
//   series table  loses them
//   postings      of their label pairs lose them
//   pair table    loses pairs without postings
//   names         lose these pairs' values; readers must not keep what they know of ids from before (FORGOTTEN)
//   pairs         give their symbols back, and are retired
//   symbols       without use are taken out of their table, and retired
//   series        are retired
//
// State: { phase u32, cursor u32, bits u32, bit count u32, names u32 (a byte each), name count u32,
//          dirty pairs { ptr, count, capacity }, dead pairs { ptr, count, capacity }, kept { ptr, count, capacity }, list position u32 }.
// A list that is being filtered only grows at its end between two steps.

import { PAIR_ID, retire, SERIES_REF, SYMBOL_ID } from '../base/epochs'
import {
  BATCHES, CANDIDATES, CANDIDATES_COUNT, CANDIDATES_FROM, FORGOTTEN, NAME_COUNT, PAIR_TABLE, SERIES_COUNT, SERIES_TABLE, SYMBOL_TABLE,
  TABLE_FILLS, TABLE_SHARDS,
} from '../base/layout'
import { freeList, push } from '../base/list'
import { alloc, free, scratch } from '../base/memory'
import { place } from '../base/table'
import { BATCH_COUNT, BATCH_LINK, BATCH_REFS } from '../batch/batch'
import { spareCached } from '../ingest/exposition'
import { forgetRaw } from '../ingest/rawTable'
import { O_BUFFER, O_FIRST } from '../samples/outOfOrder'
import { FLAG_FORGOTTEN, hasSeries, isCandidate, R_ACTIVE_COUNT, R_FLAGS, R_OUT_OF_ORDER, R_SEALED_FIRST, seriesRecord, spare } from '../samples/seriesRecord'
import {
  findName, NAME_CAPACITY, nameRecord, nameValues, NAME_VALUES, pairName, PAIR_CAPACITY, PAIR_MARK, PAIR_POSTINGS, pairPostings, pairRecord, pairValue,
  replaceVector, symbolUses, useSymbol, vectorAt,
} from '../series/labelIndex'

const G_PHASE: usize = 0
const G_CURSOR: usize = 4
const G_BITS: usize = 8
const G_BIT_COUNT: usize = 12
const G_NAMES: usize = 16
const G_NAME_COUNT: usize = 20
const G_DIRTY: usize = 24
const G_DEAD: usize = 36
const G_KEPT: usize = 48
const G_AT: usize = 60
const FORGET_BYTES: u32 = 64

const PHASE_RAW: u32 = 0
const PHASE_MARK: u32 = 1
const PHASE_SERIES_TABLE: u32 = 2
const PHASE_POSTINGS: u32 = 3
const PHASE_PAIR_TABLE: u32 = 4
const PHASE_NAMES: u32 = 5
const PHASE_PAIRS: u32 = 6
const PHASE_SYMBOLS: u32 = 7
const PHASE_SERIES: u32 = 8
const PHASE_DONE: u32 = 9

const MARK_DIRTY: u32 = 1
const MARK_DEAD: u32 = 2

/** Elements of a list looked at in one go. */
const LIST_STEP: u32 = 16384

/** Marking one series costs about as much as looking at this many entries of a table. */
const MARK_COST: u32 = 16

/** Begins a removal among the refs `from` to `from + count - 1`; `from` is a multiple of 32. One at a time. */
export function newForget(from: u32, count: u32): usize {
  const forget = alloc(FORGET_BYTES)
  memory.fill(forget, 0, FORGET_BYTES)
  const bytes = bitBytes(count)
  const bits = alloc(bytes)
  memory.fill(bits, 0, bytes)
  const names = load<u32>(NAME_COUNT) + 1
  store<u32>(forget, <u32>bits, G_BITS)
  store<u32>(forget, count, G_BIT_COUNT)
  store<u32>(forget, <u32>alloc(names), G_NAMES)
  store<u32>(forget, names, G_NAME_COUNT)
  memory.fill(load<u32>(forget, G_NAMES), 0, names)
  store<u32>(CANDIDATES, <u32>bits)
  store<u32>(CANDIDATES_FROM, from)
  store<u32>(CANDIDATES_COUNT, count)
  return forget
}

export function freeForget(forget: usize): void {
  store<u32>(CANDIDATES, 0)
  store<u32>(CANDIDATES_COUNT, 0)
  free(load<u32>(forget, G_BITS), bitBytes(load<u32>(forget, G_BIT_COUNT)))
  free(load<u32>(forget, G_NAMES), load<u32>(forget, G_NAME_COUNT))
  freeList(forget + G_DIRTY, 4)
  freeList(forget + G_DEAD, 4)
  freeList(forget + G_KEPT, 4)
  free(forget, FORGET_BYTES)
}

// @ts-ignore: decorator
@inline
function bitBytes(count: u32): u32 {
  return ((count + 31) >> 5) << 2
}

/** Adds the `count` refs at `refs`, as far as they are series without samples in memory. */
export function addCandidates(refs: usize, count: u32): void {
  const bits: usize = load<u32>(CANDIDATES)
  const from = load<u32>(CANDIDATES_FROM)
  for (let i: u32 = 0; i < count; i++) {
    const ref = load<u32>(refs + (<usize>i << 2))
    if (!hasSeries(ref) || !isIdle(seriesRecord(ref))) continue
    const word = bits + (<usize>((ref - from) >> 5) << 2)
    store<u32>(word, load<u32>(word) | (1 << ((ref - from) & 31)))
  }
}

/** Whether no sample of the series is in memory. */
function isIdle(record: usize): bool {
  if (load<u16>(record, R_ACTIVE_COUNT) != 0 || load<u32>(record, R_SEALED_FIRST) != 0) return false
  const part: usize = load<u32>(record, R_OUT_OF_ORDER)
  return part == 0 || (load<u64>(part, O_BUFFER) == 0 && load<u32>(part, O_FIRST) == 0)
}

/** Goes on until about `budget` entries of something were looked at. Returns whether all is done. */
export function forgetStep(forget: usize, budget: i32): bool {
  // Holders change between two steps, not within one.
  if (load<u32>(forget) == PHASE_MARK) spareHeld()
  while (budget > 0) {
    const phase = load<u32>(forget)
    if (phase == PHASE_DONE) return true
    const cursor = load<u32>(forget, G_CURSOR)
    if (cursor == unitsOf(forget, phase)) {
      if (phase == PHASE_NAMES) atomic.add<u32>(FORGOTTEN, 1)
      store<u32>(forget, phase + 1)
      store<u32>(forget, 0, G_CURSOR)
      if (phase + 1 == PHASE_MARK) spareHeld()
      continue
    }
    budget -= <i32>runUnit(forget, phase, cursor)
    // A long list takes more than one go.
    if (load<u32>(forget, G_AT) == 0) store<u32>(forget, cursor + 1, G_CURSOR)
  }
  return false
}

function unitsOf(forget: usize, phase: u32): u32 {
  if (phase == PHASE_MARK || phase == PHASE_SERIES) return bitBytes(load<u32>(forget, G_BIT_COUNT)) >> 2
  if (phase == PHASE_POSTINGS) return load<u32>(forget, G_DIRTY + 4)
  if (phase == PHASE_NAMES) return load<u32>(forget, G_NAME_COUNT)
  if (phase == PHASE_PAIRS) return load<u32>(forget, G_DEAD + 4)
  return <u32>TABLE_SHARDS
}

/** Does one unit of a phase, a shard, a word of bits, a list; returns what it cost. */
function runUnit(forget: usize, phase: u32, unit: u32): u32 {
  if (phase == PHASE_RAW) return forgetRaw(unit) + 1
  if (phase == PHASE_MARK) return markWord(forget, unit)
  if (phase == PHASE_SERIES_TABLE) return filterShard(forget, SERIES_TABLE, unit)
  if (phase == PHASE_POSTINGS) return filterPostings(forget, element(forget + G_DIRTY, unit))
  if (phase == PHASE_PAIR_TABLE) return filterShard(forget, PAIR_TABLE, unit)
  if (phase == PHASE_NAMES) return load<u8>(<usize>load<u32>(forget, G_NAMES) + unit) == 0 ? 1 : filterValues(forget, unit)
  if (phase == PHASE_PAIRS) return releasePair(element(forget + G_DEAD, unit))
  if (phase == PHASE_SYMBOLS) return filterShard(forget, SYMBOL_TABLE, unit)
  return retireWord(forget, unit)
}

// @ts-ignore: decorator
@inline
function element(list: usize, index: u32): u32 {
  return load<u32>(<usize>load<u32>(list) + (<usize>index << 2))
}

function spareHeld(): void {
  for (let batch: usize = load<u32>(BATCHES); batch != 0; batch = load<u32>(batch, BATCH_LINK)) {
    const count = load<u32>(batch, BATCH_COUNT)
    const refs: usize = load<u32>(batch, BATCH_REFS)
    for (let i: u32 = 0; i < count; i++) spare(load<u32>(refs + (<usize>i << 2)))
  }
  spareCached()
}

function markWord(forget: usize, unit: u32): u32 {
  const at = <usize>load<u32>(forget, G_BITS) + (<usize>unit << 2)
  let left = load<u32>(at)
  let kept: u32 = 0
  let cost: u32 = 1
  while (left != 0) {
    const bit = left & (0 - left)
    left ^= bit
    const ref = load<u32>(CANDIDATES_FROM) + (unit << 5) + ctz(bit)
    const record = seriesRecord(ref)
    cost += MARK_COST
    if (!isIdle(record)) continue
    kept |= bit
    store<u32>(record, load<u32>(record, R_FLAGS) | FLAG_FORGOTTEN, R_FLAGS)
    store<u32>(SERIES_COUNT, load<u32>(SERIES_COUNT) - 1)
    markPairs(forget, load<u32>(record))
  }
  store<u32>(at, kept)
  return cost
}

function markPairs(forget: usize, labels: usize): void {
  const count = load<u32>(labels)
  for (let i: u32 = 0; i < count; i++) {
    const pair = load<u32>(labels + 4 + (<usize>i << 2))
    const record = pairRecord(pair)
    if (load<u32>(record, PAIR_MARK) != 0) continue
    store<u32>(record, MARK_DIRTY, PAIR_MARK)
    store<u32>(push(forget + G_DIRTY, 4), pair)
  }
}

/** Rebuilds one shard of a table without the ids that are gone. */
function filterShard(forget: usize, table: usize, number: u32): u32 {
  const shard = table + (<usize>number << 3)
  const fill = table + TABLE_FILLS + (<usize>number << 2)
  const old: usize = load<u32>(shard)
  const capacity = load<u32>(shard, 4)
  const list = scratch(capacity << 3)
  let kept: u32 = 0
  for (let i: u32 = 0; i < capacity; i++) {
    const entry = load<u64>(old + (<usize>i << 3))
    if (entry == 0 || isGone(forget, table, <u32>(entry >> 32))) continue
    store<u64>(list + (<usize>kept << 3), entry)
    kept++
  }
  if (kept == load<u32>(fill)) return capacity + 1
  let size: u32 = kept == 0 ? 0 : 4
  while (kept * 4 > size * 3) size <<= 1
  const slots: usize = size == 0 ? 0 : alloc(size << 3)
  memory.fill(slots, 0, size << 3)
  for (let i: u32 = 0; i < kept; i++) place(slots, size, load<u64>(list + (<usize>i << 3)))
  store<u32>(fill, kept)
  atomic.store<i64>(shard, <i64>(<u32>slots) | (<i64>size << 32))
  retire(old, capacity << 3)
  return capacity + 1
}

/** Whether an entry of a table is to go. A pair and a symbol are done with here, since nobody finds them from now on. */
function isGone(forget: usize, table: usize, id: u32): bool {
  if (table == SERIES_TABLE) return isCandidate(id)
  if (table == SYMBOL_TABLE) {
    if (symbolUses(id) != 0) return false
    retire(id, SYMBOL_ID)
    return true
  }
  if (pairPostings(id) != 0) return false
  store<u32>(pairRecord(id), MARK_DEAD, PAIR_MARK)
  store<u32>(push(forget + G_DEAD, 4), id)
  const name = findName(pairName(id))
  if (name < load<u32>(forget, G_NAME_COUNT)) store<u8>(<usize>load<u32>(forget, G_NAMES) + name, 1)
  return true
}

function filterPostings(forget: usize, pair: u32): u32 {
  const record = pairRecord(pair)
  const cost = filterList(forget, pairPostings(pair), record + PAIR_POSTINGS, record + PAIR_CAPACITY, true)
  if (load<u32>(forget, G_AT) == 0) store<u32>(record, 0, PAIR_MARK)
  return cost
}

function filterValues(forget: usize, name: u32): u32 {
  const record = nameRecord(name)
  return filterList(forget, nameValues(name), record + NAME_VALUES, record + NAME_CAPACITY, false)
}

/** Goes on with a vector of refs or of pairs; at its end the kept elements become the vector. */
function filterList(forget: usize, word: u64, wordAt: usize, capacityAt: usize, isOfRefs: bool): u32 {
  const count = <u32>(word >> 32)
  const from = load<u32>(forget, G_AT)
  const to = min(count, from + LIST_STEP)
  for (let i = from; i < to; i++) {
    const id = vectorAt(word, i)
    const isGone = isOfRefs ? isCandidate(id) : load<u32>(pairRecord(id), PAIR_MARK) == MARK_DEAD
    if (!isGone) store<u32>(push(forget + G_KEPT, 4), id)
  }
  if (to < count) {
    store<u32>(forget, to, G_AT)
    return to - from
  }
  const kept = load<u32>(forget, G_KEPT + 4)
  if (kept != count) replaceVector(wordAt, capacityAt, load<u32>(forget, G_KEPT), kept)
  store<u32>(forget, 0, G_KEPT + 4)
  store<u32>(forget, 0, G_AT)
  return to - from + MARK_COST
}

function releasePair(pair: u32): u32 {
  useSymbol(pairValue(pair), -1)
  retire(pair, PAIR_ID)
  return MARK_COST
}

function retireWord(forget: usize, unit: u32): u32 {
  let left = load<u32>(<usize>load<u32>(forget, G_BITS) + (<usize>unit << 2))
  let cost: u32 = 1
  while (left != 0) {
    const bit = left & (0 - left)
    left ^= bit
    retire(load<u32>(CANDIDATES_FROM) + (unit << 5) + ctz(bit), SERIES_REF)
    cost += MARK_COST
  }
  return cost
}

/** Any thread: changes when ids of symbols and pairs may have come to mean something else. */
export function forgottenCount(): u32 {
  return atomic.load<u32>(FORGOTTEN)
}
