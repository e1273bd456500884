// Start timestamps: when the counters of samples began (--enable-feature=st-storage). A batch notes them beside its samples; for
// those that are stored each becomes a sample, in milliseconds, of the hidden series of its series (storage/model/startTimes.ts),
// which no limit and no count of samples knows of.
//
// Which hidden series is whose: a table { slots u32, capacity u32, used u32 } in START_SERIES, open addressing by owner. Slot:
// { owner u32, hidden series u32 }; owner 0 is empty. A cache of the main thread: what is missing is looked up by its labels. Refs are
// never used again, so what is about series that have gone does no harm, and is left out when the table grows.

import { START_SERIES } from '../base/layout'
import { push } from '../base/list'
import { alloc, free, scratch } from '../base/memory'
import { hasSeries, R_SLOT, seriesRecord, useSeries } from '../samples/seriesRecord'
import { findOrCreate } from '../series/series'
import { LABEL_BYTES } from '../series/seriesLabels'
import { START_LABEL_BYTES, writeStartLabel } from '../series/startLabel'
import { BATCH_COUNT, BATCH_OUTCOMES, BATCH_REFS, BATCH_STARTS, BATCH_TIMES, reserveBatch, stage, START_BYTES, STORED, STORED_OUT_OF_ORDER } from './batch'

const T_CAPACITY: usize = 4
const T_USED: usize = 8

// What becomes of the time at which a counter was created, in remote write: a sample of zero, the start of the sample, or both.
export const CREATED_ZERO: u32 = 1
export const CREATED_START: u32 = 2

/** Starts staged before the caller looks at its event loop; each may need a new series. */
const STEP_STARTS: u32 = 4096

/** The sample began to count at `start`; one that is not before it says nothing. */
export function noteStart(batch: usize, index: u32, start: i64): void {
  if (start <= 0 || start >= load<i64>(<usize>load<u32>(batch, BATCH_TIMES) + (<usize>index << 3))) return
  const entry = push(batch + BATCH_STARTS, START_BYTES)
  store<u32>(entry, index)
  store<f64>(entry, <f64>start, 8)
}

/** The same of the sample staged last, for callers outside the module, whose times are doubles. */
export function noteLastStart(batch: usize, start: f64): void {
  noteStart(batch, load<u32>(batch, BATCH_COUNT) - 1, <i64>start)
}

/** Notes, for `count` series { ref u32, zero u32, start f64 }, the start of the last sample that each of them has in the batch. */
export function noteStartsOf(batch: usize, list: usize, count: u32): void {
  const staged = load<u32>(batch, BATCH_COUNT)
  const refs: usize = load<u32>(batch, BATCH_REFS)
  // Validation makes use of a slot only when it points back to a sample that was found good, so this is none for it.
  for (let i: u32 = 0; i < staged; i++) {
    const ref = load<u32>(refs + (<usize>i << 2))
    if (ref != 0) store<u32>(seriesRecord(ref), i, R_SLOT)
  }
  for (let entry = list, end = list + (<usize>count << 4); entry < end; entry += 16) {
    const ref = load<u32>(entry)
    const slot = load<u32>(seriesRecord(ref), R_SLOT)
    if (slot < staged && load<u32>(refs + (<usize>slot << 2)) == ref) noteStart(batch, slot, <i64>load<f64>(entry, 8))
  }
}

/**
 * After the batch was judged: stages the starts from number `from` on of samples that are to be stored, with the outcomes of
 * those. Returns the number of the next one.
 */
export function stageStarts(batch: usize, from: u32): u32 {
  const to = min(load<u32>(batch, BATCH_STARTS + 4), from + STEP_STARTS)
  reserveBatch(batch, to - from)
  const refs: usize = load<u32>(batch, BATCH_REFS)
  const times: usize = load<u32>(batch, BATCH_TIMES)
  const outcomes: usize = load<u32>(batch, BATCH_OUTCOMES)
  for (let i = from; i < to; i++) {
    const entry = <usize>load<u32>(batch, BATCH_STARTS) + <usize>i * START_BYTES
    const index: usize = load<u32>(entry)
    const outcome = load<u8>(outcomes + index)
    if (outcome != STORED && outcome != STORED_OUT_OF_ORDER) continue
    const hidden = startSeries(load<u32>(refs + (index << 2)))
    store<u8>(outcomes + <usize>load<u32>(batch, BATCH_COUNT), outcome)
    stage(batch, hidden, load<i64>(times + (index << 3)), load<u64>(entry, 8))
  }
  return to
}

/** The hidden series of a series, new if need be. */
function startSeries(owner: u32): u32 {
  if ((load<u32>(START_SERIES, T_USED) + 1) * 4 > load<u32>(START_SERIES, T_CAPACITY) * 3) rebuild()
  const slot = findSlot(owner)
  if (load<u32>(slot) == owner && useSeries(load<u32>(slot, 4))) return load<u32>(slot, 4)
  const hidden = makeStartSeries(owner)
  put(slot, owner, hidden)
  return hidden
}

/** The slot of an owner, or the empty one where it would be. */
function findSlot(owner: u32): usize {
  const slots: usize = load<u32>(START_SERIES)
  const mask = load<u32>(START_SERIES, T_CAPACITY) - 1
  const hash = owner * 0x9e3779b1
  let slot = slots + (<usize>((hash ^ (hash >> 15)) & mask) << 3)
  const end = slots + ((<usize>mask + 1) << 3)
  while (load<u32>(slot) != 0 && load<u32>(slot) != owner) {
    slot += 8
    if (slot == end) slot = slots
  }
  return slot
}

function put(slot: usize, owner: u32, hidden: u32): void {
  if (load<u32>(slot) == 0) store<u32>(START_SERIES, load<u32>(START_SERIES, T_USED) + 1, T_USED)
  store<u32>(slot, owner)
  store<u32>(slot, hidden, 4)
}

/** The value of its label is up to ten digits. */
function makeStartSeries(owner: u32): u32 {
  const label = scratch(<u32>LABEL_BYTES + 64)
  const name = label + LABEL_BYTES
  writeStartLabel(name)
  let value = name + 32
  let length: u32 = 0
  for (let left = owner; left != 0; left /= 10) {
    store<u8>(--value, 0x30 + <u8>(left % 10))
    length++
  }
  store<u32>(label, <u32>name)
  store<u32>(label, START_LABEL_BYTES, 4)
  store<u32>(label, <u32>value, 8)
  store<u32>(label, length, 12)
  return findOrCreate(label, 1, true)
}

/** Makes room for one more, without those whose owners have gone. */
function rebuild(): void {
  const old: usize = load<u32>(START_SERIES)
  const oldCapacity = load<u32>(START_SERIES, T_CAPACITY)
  let left: u32 = 0
  for (let i: usize = 0; i < <usize>oldCapacity; i++) if (hasSeries(load<u32>(old + (i << 3)))) left++
  let capacity: u32 = 64
  while (capacity < left * 2) capacity <<= 1
  const slots = alloc(capacity << 3)
  memory.fill(slots, 0, capacity << 3)
  store<u32>(START_SERIES, <u32>slots)
  store<u32>(START_SERIES, capacity, T_CAPACITY)
  store<u32>(START_SERIES, 0, T_USED)
  for (let i: usize = 0; i < <usize>oldCapacity; i++) {
    const slot = old + (i << 3)
    if (hasSeries(load<u32>(slot))) put(findSlot(load<u32>(slot)), load<u32>(slot), load<u32>(slot, 4))
  }
  if (oldCapacity != 0) free(old, oldCapacity << 3)
}
