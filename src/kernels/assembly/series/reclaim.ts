// Frees what was retired once no reader can see it: blocks, and what is more than a block.

import { BLOCK_CHAIN, minPinnedEpoch, PAIR_ID, RETIRED_PAGE_BYTES, SERIES_REF, SYMBOL_ID } from '../base/epochs'
import { EPOCH, RETIRED_BYTES, RETIRED_FIRST, RETIRED_LAST } from '../base/layout'
import { free } from '../base/memory'
import { freeBlockChain } from '../samples/activeBlock'
import { freePair, freeSymbol } from './labelIndex'
import { freeSeries } from './series'

/** Main: starts a new epoch and frees up to `limit` retired blocks that no reader can see. Returns how many it freed. */
export function reclaim(limit: u32): u32 {
  atomic.add<u32>(EPOCH, 1)
  const pinned = minPinnedEpoch()
  let freed: u32 = 0
  while (freed < limit) {
    const page: usize = load<u32>(RETIRED_FIRST)
    if (page == 0) break
    let first = load<u32>(page, 4)
    // What is freed may retire more, on this very page.
    while (first < load<u32>(page, 8) && freed < limit) {
      const entry = page + 16 + first * 12
      if (load<u32>(entry, 8) >= pinned) break
      const bytes = load<u32>(entry, 4)
      freeRetired(load<u32>(entry), bytes)
      store<i64>(RETIRED_BYTES, load<i64>(RETIRED_BYTES) - <i64>bytes)
      first++
      freed++
    }
    store<u32>(page, first, 4)
    if (first < load<u32>(page, 8)) break
    if (<usize>load<u32>(RETIRED_LAST) == page) {
      store<u32>(page, 0, 4)
      store<u32>(page, 0, 8)
      break
    }
    store<u32>(RETIRED_FIRST, load<u32>(page))
    free(page, RETIRED_PAGE_BYTES)
  }
  return freed
}

function freeRetired(what: u32, bytes: u32): void {
  if (bytes > SYMBOL_ID) free(what, bytes)
  else if (bytes == BLOCK_CHAIN) freeBlockChain(what)
  else if (bytes == SERIES_REF) freeSeries(what)
  else if (bytes == PAIR_ID) freePair(what)
  else freeSymbol(what)
}
