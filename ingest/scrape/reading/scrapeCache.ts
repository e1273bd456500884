// What is known of one target's exposition between scrapes: the kernel finds the series ref of every line by its raw bytes,
// and only lines it has never seen come up here, to be parsed and relabelled by the scrape loop. A scrape is staged as a
// whole and then committed or rolled back; series that are gone get their staleness markers at the commit.

import { takeSteps } from '../../../src/base/steps.ts'
import type { CommitOptions, HeadBatch, StoredBatch } from '../../../storage/head/headBatch.ts'
import type { NativeHistogram } from '../../../storage/model/histogram.ts'
import type { Storage } from '../../../storage/storage.ts'
import { KnownMetadata, type MetadataLine } from '../../exposition/metadata/targetMetadata.ts'
import { parseTextExposition } from '../../exposition/text/exposition.ts'
import { BodyError, ExpositionError } from '../../exposition/text/expositionLexer.ts'

/** A series text that this cache has not seen before. */
export type UnknownSeries = {
  /** `name{labels}` as in the body. */
  readonly text: string
  readonly bytes: Uint8Array
  readonly line: number
  /** What the last TYPE line said, `''` before the first. */
  readonly familyType: string
}

export type ScrapeParse = {
  /** All samples of the body, and those of series that relabelling did not drop. */
  readonly sampleCount: number
  readonly keptCount: number
  /** Series that are new to the cache and not dropped. */
  readonly addedCount: number
  /** HELP and TYPE lines; `undefined` when they are those of the last body that was parsed. */
  readonly metadata: readonly MetadataLine[] | undefined
}

/** In place of a ref: storage takes no more series of this kind until others have gone. */
export const refusedSeries = -1

export type ParseOptions = { readonly honorTimestamps: boolean; readonly trackTimestampsStaleness?: boolean }

/** How many samples were stored, and why others were not. Staleness markers are not counted. */
export type ScrapeCommit = {
  readonly stored: number
  readonly duplicate: number
  readonly outOfOrder: number
  readonly outOfBounds: number
  /** Resolves when what was stored is durable. */
  readonly logged: Promise<void>
}

export type ScrapeCache = {
  /**
   * Stages all samples of a body in text format 0.0.4, at once unless that takes long. `resolve` gives each unknown series its
   * ref, 0 when it is dropped, `refusedSeries` when a limit refuses it for now; what it throws fails the scrape. Throws, or
   * rejects with, `ExpositionError` for a malformed line. Nothing is staged after a failure. The body is not looked at any more when
   * this returns.
   */
  parse(body: Uint8Array, timestampMs: number, options: ParseOptions, resolve: (series: UnknownSeries) => number): ScrapeParse | Promise<ScrapeParse>
  /** Stages a further sample for the same commit. */
  append(ref: number, timestampMs: number, value: number): void
  appendHistogram(ref: number, timestampMs: number, histogram: NativeHistogram): void
  appendStale(ref: number, timestampMs: number): void
  /** All samples that are staged; those that are dropped have the ref 0. */
  eachStaged(visit: (ref: number, timestampMs: number, value: number) => void): void
  /** When the counters of series, of which samples are staged, began; of a ref of 0 and of what is not staged it means nothing. */
  noteStarts(starts: readonly { readonly ref: number; readonly startMs: number }[]): void
  /** Stores what is staged, and a marker for every series of the last scrape that is not in this one; at once unless that takes long. */
  commit(options?: { readonly mayWait?: boolean }): ScrapeCommit | Promise<ScrapeCommit>
  /** The scrape failed: stores what was appended after the rollback, and a marker for every series of the last scrape. */
  commitFailed(timestampMs: number, options?: { readonly discardOutOfOrder?: boolean; readonly mayWait?: boolean }): ScrapeCommit | Promise<ScrapeCommit>
  rollback(): void
  /** The series that would get a marker if the target went away now. */
  liveRefs(): Uint32Array
  close(): void
}

// Layouts, as in assembly/ingest/exposition.ts.
const inputAt = 0
const inputBytesAt = 4
const samplesAt = 28
const missesAt = 40
const missBytes = 20
const hardAt = 52
const hardBytes = 12
const commentsAt = 64
const commentBytes = 8
const errorAt = 76
const commentsFingerprintAt = 112
const cacheCountAt = 4
const cacheGenerationAt = 20

const honorFlag = 1
const trackFlag = 2

/** Time spent on unknown series between two looks at the event loop. */
const sliceMs = 4

const lineFeed = 10

/** As much of an answer as is read at a time. */
const readBufferBytes = 256 * 1024
/** What the kernel wants behind a body. */
const slackBytes = 64

/** Where answers are to be read, so that their bodies need no copy to be parsed; of each only until the next one comes. */
export function createReadBuffer({ kernels }: Storage['head']): Buffer {
  const pointer = kernels.exports.alloc(readBufferBytes + slackBytes)
  return kernels.bytes.subarray(pointer, pointer + readBufferBytes)
}

/** `readBuffer` as made for this head: a body that lies in it is parsed in place. `known` is what the caches of this head share. */
export function createScrapeCache(head: Storage['head'], { readBuffer, known = new KnownMetadata() }: { readonly readBuffer?: Buffer; readonly known?: KnownMetadata } = {}): ScrapeCache {
  const { kernels } = head
  const { exports } = kernels
  const cache = exports.newScrapeCache()
  let batch: HeadBatch | undefined
  /** The scrape that is staged, and its time. */
  let staged: { readonly generation: number; readonly timestampMs: number } | undefined
  /** Of the last body that was read. */
  let commentsFingerprint = new Uint32Array(4)
  /** Set while series are left out because of a limit: how often series had gone by then. */
  let refusedAt: number | undefined

  const ownBatch = () => (batch ??= head.batch())
  const rollback = () => {
    batch?.close()
    batch = undefined
    staged = undefined
  }
  const finish = (generation: number, markTimeMs: number, options: CommitOptions): ScrapeCommit | Promise<ScrapeCommit> => {
    const own = ownBatch()
    const counted = own.count
    exports.markGone(cache, own.pointer, generation, markTimeMs)
    // What a whole scrape does not show is forgotten, as in Prometheus: when it comes back, it counts as added.
    if (generation > 0) exports.compact(cache, generation, 0)
    batch = undefined
    staged = undefined
    let stored: StoredBatch | Promise<StoredBatch> | undefined
    try {
      stored = own.store('skipBad', { ...options, counted })
      return stored instanceof Promise ? stored.then(toCommit).finally(() => own.close()) : toCommit(stored)
    } finally {
      if (!(stored instanceof Promise)) own.close()
    }
  }

  return {
    parse(given, timestampMs, options, resolve) {
      rollback()
      if (refusedAt !== undefined && refusedAt !== exports.forgottenCount()) {
        exports.compact(cache, 0, 1)
        refusedAt = undefined
      }
      const flags = (options.honorTimestamps ? honorFlag : 0) | (options.trackTimestampsStaleness === true ? trackFlag : 0)
      const isInPlace = given.buffer === readBuffer?.buffer
      const parse = exports.newParse(given.length, ownBatch().pointer, cache, timestampMs, flags, isInPlace ? given.byteOffset : 0)
      if (!isInPlace) kernels.bytes.set(given, kernels.word(parse + inputAt))
      return takeSteps(parseSteps(parse, timestampMs, resolve))
    },
    append: (ref, timestampMs, value) => ownBatch().append(ref, timestampMs, value),
    appendHistogram: (ref, timestampMs, histogram) => ownBatch().appendHistogram(ref, timestampMs, histogram),
    appendStale: (ref, timestampMs) => ownBatch().appendStale(ref, timestampMs),
    eachStaged: (visit) => ownBatch().each(visit),
    noteStarts: (starts) => ownBatch().noteStarts(starts),
    commit: (options = {}) => finish(staged?.generation ?? 0, staged?.timestampMs ?? 0, options),
    commitFailed: (timestampMs, options = {}) => finish(0, timestampMs, options),
    rollback,
    liveRefs() {
      const out = exports.scratch(4 * kernels.word(cache + cacheCountAt) + 4)
      const count = exports.liveRefs(cache, out)
      return kernels.words.slice(out / 4, out / 4 + count)
    },
    close() {
      rollback()
      exports.freeScrapeCache(cache)
    },
  }

  function* parseSteps(parse: number, timestampMs: number, resolve: (series: UnknownSeries) => number): Generator<void, ScrapeParse> {
    const word = (offset: number) => kernels.word(parse + offset)
    try {
      let status = exports.parseStep(parse)
      while (status === 0) {
        exports.keepInput(parse)
        yield
        status = exports.parseStep(parse)
      }
      const metadataChanged = commentsFingerprint.some((part, i) => part !== word(commentsFingerprintAt + 4 * i))
      const { metadata, failure: badComment } = metadataChanged ? findMetadata(parse) : sameMetadata
      const badLine = status < 0 ? badLineOf(parse) : undefined
      const failure = firstOf(badComment, firstOf(setHardValues(parse), badLine))
      // Lines before a bad one may have unknown series with bad labels; then that is the first error.
      const addedCount = word(missesAt + 4) === 0 ? 0 : yield* resolveUnknown(parse, failure?.line ?? Infinity, resolve)
      if (failure !== undefined) throw failure
      if (metadataChanged) commentsFingerprint = commentsFingerprint.map((_, i) => word(commentsFingerprintAt + 4 * i))
      const keptCount = exports.settleRefs(parse)
      staged = { generation: kernels.word(cache + cacheGenerationAt), timestampMs }
      return { sampleCount: word(samplesAt), keptCount, addedCount, metadata }
    } catch (error) {
      if (error instanceof ExpositionError) error.keptBefore = exports.keptCount(parse, error.samplesBefore)
      exports.compact(cache, 0, 0)
      rollback()
      throw error
    } finally {
      exports.freeParse(parse)
    }
  }

  /** It is elsewhere after each `yield`. */
  function bodyOf(parse: number): Buffer {
    const input = kernels.word(parse + inputAt)
    return kernels.bytes.subarray(input, input + kernels.word(parse + inputBytesAt))
  }

  /** Has each unknown series before `endLine` resolved, in the order of the body, and returns how many were not dropped. */
  function* resolveUnknown(parse: number, endLine: number, resolve: (series: UnknownSeries) => number): Generator<void, number> {
    const list = kernels.word(parse + missesAt)
    const count = kernels.word(parse + missesAt + 4)
    let body = bodyOf(parse)
    const types = new FamilyTypes((index) => commentOf(parse, body, index))
    let line = 1
    let lineUpTo = 0
    let added = 0
    let pauseMs = performance.now() + sliceMs
    for (let i = 0; i < count; i++) {
      const miss = list + i * missBytes
      const offset = kernels.word(miss + 4)
      const length = kernels.word(miss + 8)
      if (length === 0) continue
      for (let at = body.indexOf(lineFeed, lineUpTo); at >= 0 && at < offset; at = body.indexOf(lineFeed, at + 1)) line++
      if (line >= endLine) break
      lineUpTo = offset
      const bytes = body.subarray(offset, offset + length)
      const familyType = types.before(kernels.word(miss + 12))
      let ref
      try {
        ref = resolve({ bytes, line, familyType, text: Buffer.from(bytes).toString('utf8') })
      } catch (error) {
        if (error instanceof BodyError) {
          exports.settleRefs(parse)
          const sample = kernels.word(miss)
          // A line that cannot be read is no sample; one that must not be stored is.
          error.samplesBefore = error instanceof ExpositionError ? sample : sample + 1
          error.keptBefore = exports.keptCount(parse, sample)
        }
        throw error
      }
      if (ref === refusedSeries) {
        refusedAt = exports.forgottenCount()
        ref = 0
      }
      exports.resolveMiss(parse, i, ref)
      if (ref !== 0) added++
      if (performance.now() > pauseMs) {
        exports.keepInput(parse)
        yield
        body = bodyOf(parse)
        pauseMs = performance.now() + sliceMs
      }
    }
    return added
  }

  /** Sets the numbers that the kernel leaves to JavaScript, which rounds correctly too; the error of one that is too large. */
  function setHardValues(parse: number): ExpositionError | undefined {
    const list = kernels.word(parse + hardAt)
    const count = kernels.word(parse + hardAt + 4)
    if (count === 0) return undefined
    const body = bodyOf(parse)
    for (let i = 0; i < count; i++) {
      const offset = kernels.word(list + i * hardBytes + 4)
      const value = Number(body.toString('latin1', offset, offset + kernels.word(list + i * hardBytes + 8)))
      if (!Number.isFinite(value)) return badBody(body)
      exports.setHardValue(parse, i, value)
    }
    return undefined
  }

  function badLineOf(parse: number): ExpositionError {
    const body = bodyOf(parse)
    const offset = kernels.word(parse + errorAt)
    return badBody(body.subarray(offset), { line: lineOf(body, offset), samples: kernels.word(parse + samplesAt) })
  }

  function commentOf(parse: number, body: Uint8Array, index: number): Uint8Array {
    const comment = kernels.word(parse + commentsAt) + index * commentBytes
    const offset = kernels.word(comment)
    return body.subarray(offset, offset + kernels.word(comment + 4))
  }

  function findMetadata(parse: number): { readonly metadata: readonly MetadataLine[]; readonly failure: ExpositionError | undefined } {
    const fingerprint = [0, 4, 8, 12].map((offset) => kernels.word(parse + commentsFingerprintAt + offset)).join()
    const metadata = known.find(fingerprint)
    if (metadata !== undefined) return { metadata, failure: undefined }
    const read = readMetadata(parse, bodyOf(parse))
    if (read.failure === undefined) known.add(fingerprint, read.metadata)
    return read
  }

  function readMetadata(parse: number, body: Uint8Array): { readonly metadata: readonly MetadataLine[]; readonly failure: ExpositionError | undefined } {
    const lines: Uint8Array[] = []
    const count = kernels.word(parse + commentsAt + 4)
    for (let i = 0; i < count; i++) lines.push(commentOf(parse, body, i), lineFeedBytes)
    const metadata: MetadataLine[] = []
    try {
      parseTextExposition(Buffer.concat(lines), { metadata: (kind, name, text) => void metadata.push({ kind, name, text }) })
    } catch {
      return { metadata, failure: badBody(body) }
    }
    return { metadata, failure: undefined }
  }
}

const sameMetadata: { readonly metadata: undefined; readonly failure: undefined } = { metadata: undefined, failure: undefined }

const lineFeedBytes = Uint8Array.of(lineFeed)

function toCommit({ outcome: { stored, duplicate, outOfOrder, tooOld, outOfBounds, tooFarAhead }, logged }: StoredBatch): ScrapeCommit {
  return { stored, duplicate, outOfOrder, outOfBounds: outOfBounds + tooOld + tooFarAhead, logged }
}

function lineOf(body: Uint8Array, offset: number): number {
  let line = 1
  for (let at = body.indexOf(lineFeed); at >= 0 && at < offset; at = body.indexOf(lineFeed, at + 1)) line++
  return line
}

/** The error of a body that the kernel cannot read, in the words of the full parser; `before` it lie lines that are fine. */
function badBody(body: Uint8Array, before = { line: 1, samples: 0 }): ExpositionError {
  let { samples } = before
  try {
    parseTextExposition(body, { sample: () => void samples++ }, before.line)
  } catch (error) {
    if (!(error instanceof ExpositionError)) throw error
    error.samplesBefore = samples
    return error
  }
  return new ExpositionError('bug: the kernel refuses what the parser accepts', before.line)
}

function firstOf(a: ExpositionError | undefined, b: ExpositionError | undefined): ExpositionError | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a.line < b.line ? a : b
}

/** The family type in force at each unknown series; asked in the order of the body. */
class FamilyTypes {
  readonly #comment: (index: number) => Uint8Array
  #index = 0
  #type = ''

  constructor(comment: (index: number) => Uint8Array) {
    this.#comment = comment
  }

  /** The type after the first `count` comments. */
  before(count: number): string {
    for (; this.#index < count; this.#index++) {
      const match = typeLine.exec(Buffer.from(this.#comment(this.#index)).toString('latin1'))
      if (match !== null) this.#type = match[1] ?? ''
    }
    return this.#type
  }
}

const typeLine = /^#[ \t]+TYPE[ \t]+(?:"(?:\\[^\n]|[^\\"])*"|[a-zA-Z_:][a-zA-Z0-9_:]*)[ \t]*([a-z]*)/
