// Fixed addresses of the shared memory. Every thread has its own instance of this module over the one memory, so nothing
// may live in module globals or data segments: all state is here, or behind a pointer that is kept here.
// Only the main thread writes below (at start, until the head is filled, only the writer thread does), except for the epoch
// slots and the stack of freed spans.

// Control block.
export const EPOCH: usize = 1024 // u32, atomic: grows with every step of reclamation
export const FREED_SPANS: usize = 1032 // i64, atomic: top of a stack of spans given back by workers (low word) and a tag against ABA (high word)
export const BUMP_NEXT: usize = 1040 // u32: where the next small block is cut
export const BUMP_END: usize = 1044 // u32
export const LARGE_FREE: usize = 1048 // u32: free large blocks, by address
export const RETIRED_FIRST: usize = 1052 // u32: oldest page of the queue of retired blocks
export const RETIRED_LAST: usize = 1056 // u32
export const ALLOCATED_BYTES: usize = 1064 // i64: bytes in use by main, size classes included
export const SCRATCH_PTR: usize = 1072 // u32: main's scratch for encoding and label parsing
export const SCRATCH_BYTES: usize = 1076 // u32
export const RETIRED_BYTES: usize = 1080 // i64

// Counters of the head.
export const MAX_REF: usize = 1088 // u32, atomic: greatest series ref in use
export const SERIES_COUNT: usize = 1092 // u32
export const SYMBOL_COUNT: usize = 1096 // u32: greatest id ever given
export const PAIR_COUNT: usize = 1100 // u32, atomic: greatest id ever given
export const NAME_COUNT: usize = 1104 // u32, atomic
export const NEXT_REF: usize = 1108 // u32
export const HEAD_MAX_TIME: usize = 1112 // i64: newest sample time, i64.MIN_VALUE when there is none
export const OUT_OF_ORDER_WINDOW: usize = 1120 // i64, ms; 0 = off
export const MIN_VALID_FLOOR: usize = 1128 // i64: nothing older is in bounds, whatever the newest sample is
export const CHUNK_COUNT: usize = 1136 // u32: sealed chunks in memory
export const CHUNK_BYTES: usize = 1144 // i64: their bytes
export const APPENDED_SAMPLES: usize = 1152 // i64
export const RAW_ENTRY_COUNT: usize = 1160 // u32
export const HEAD_MIN_TIME: usize = 1168 // i64: oldest sample time ever appended
export const ACTIVE_SAMPLES: usize = 1176 // i64: samples in active blocks and out-of-order buffers
export const CHUNK_SAMPLES: usize = 1184 // i64: samples in sealed chunks in memory
export const PUBLISH_FENCE: usize = 1192 // u32, atomic: written between a batch's samples and their counts

// What removal of series needs, see forget.ts.
export const BATCHES: usize = 1200 // u32: first of the open batches
export const SCRAPE_CACHES: usize = 1204 // u32: first of the scrape caches
export const CANDIDATES: usize = 1208 // u32: bits by ref of the series that are to go, 0 when no removal runs
export const CANDIDATES_FROM: usize = 1212 // u32: ref of the first bit, a multiple of 32
export const CANDIDATES_COUNT: usize = 1216 // u32: number of bits
export const FORGOTTEN: usize = 1220 // u32, atomic: grows when ids of symbols and pairs may come to mean something else
export const FREE_PAIR: usize = 1224 // u32: first of the pair ids that can be used again
export const FREE_PAIR_COUNT: usize = 1228 // u32
export const FREE_SYMBOL: usize = 1232 // u32
export const FREE_SYMBOL_COUNT: usize = 1236 // u32
export const EMPTY_SEGMENT: usize = 1240 // u32: what stands for a segment without series

// Limits on the number of series, see limits.ts.
export const MAX_SERIES: usize = 1244 // u32; 0: none
export const MAX_SERIES_PER_JOB: usize = 1248 // u32; 0: none
export const REFUSALS: usize = 1252 // growing array: pointer, count, capacity

// Native histograms, see histogramOwners.ts and histogramDraft.ts.
export const HISTOGRAM_OWNERS: usize = 1264 // table: slots, capacity, used
export const HISTOGRAM_DRAFT: usize = 1276 // u32

// Secret of the hash function, written once by the main thread before anything is hashed.
export const HASH_SECRET: usize = 1280 // 4 x u64

export const LISTED: usize = 1312 // u32, atomic: grows when readers can find one more series, once they can
export const SPARE_PARSE: usize = 1316 // u32: state of a parse that has ended, for the next one; see exposition.ts
export const LARGE_FREE_BYTES: usize = 1320 // i64: of the free large blocks
export const FREED_SPAN_BYTES: usize = 1328 // i64, atomic: of the spans given back by workers

// More of limits.ts.
export const ENDED_SERIES: usize = 1336 // u32: of all series, those that had ended at the last count
export const ENDED_OF_JOBS: usize = 1340 // growing array: pointer, count, capacity

// Start timestamps, see startTimes.ts.
export const START_SERIES: usize = 1352 // table: slots, capacity, used

export const HISTOGRAM_SERIES: usize = 1364 // u32, atomic: series that have had histograms in memory

// Epoch slots of the readers: 128 x 16 bytes { pinned epoch u32 (0 = not pinned), ... }.
export const READER_SLOTS: usize = 2048
export const READER_SLOT_BYTES: usize = 16
export const READER_SLOT_COUNT: i32 = 128

// Heads of the free lists of the small size classes, u32 each.
export const CLASS_FREE: usize = 4096

// Hash tables: 256 shards each of { slots u32, capacity u32 } and, apart, their fill.
export const TABLE_SHARDS: i32 = 256
export const SYMBOL_TABLE: usize = 8192
export const PAIR_TABLE: usize = SYMBOL_TABLE + 4096
export const NAME_TABLE: usize = PAIR_TABLE + 4096
export const SERIES_TABLE: usize = NAME_TABLE + 4096
export const RAW_TABLE: usize = SERIES_TABLE + 4096
/** Distance from a table's shard words to its fill counts. */
export const TABLE_FILLS: usize = 2048

// Powers of ten for reading and printing numbers: 128-bit mantissas of 10^q for q in [-342, 324], written once by the main thread.
export const POWERS_OF_TEN: usize = 32768 // 667 x 16 bytes

// Directories of segmented arrays: u32 pointers to segments. Segments never move.
export const SERIES_DIRECTORY: usize = 65536
export const SERIES_SEGMENT_BITS: u32 = 10
export const SERIES_DIRECTORY_LENGTH: u32 = 1 << 20
export const SYMBOL_DIRECTORY: usize = SERIES_DIRECTORY + 4 * (1 << 20)
export const SYMBOL_SEGMENT_BITS: u32 = 12
export const SYMBOL_DIRECTORY_LENGTH: u32 = 1 << 16
export const PAIR_DIRECTORY: usize = SYMBOL_DIRECTORY + 4 * (1 << 16)
export const PAIR_SEGMENT_BITS: u32 = 10
export const PAIR_DIRECTORY_LENGTH: u32 = 1 << 18
export const NAME_DIRECTORY: usize = PAIR_DIRECTORY + 4 * (1 << 18)
export const NAME_SEGMENT_BITS: u32 = 8
export const NAME_DIRECTORY_LENGTH: u32 = 1 << 16
/** Per segment of series records, how many of them are in use, u16 each. */
export const SERIES_FILLS: usize = NAME_DIRECTORY + 4 * (1 << 16)
export const FIXED_END: usize = SERIES_FILLS + 2 * (1 << 20)

export const DAY_MS: i64 = 86_400_000
