// What the kernel stages of a Histogram message is what the message reader would have staged; what it leaves to the reader
// it has not touched.

import { describe, expect, it } from 'vitest'
import type { HeadBatch } from '../../../storage/head/headBatch.ts'
import { randomHistogram } from '../../../test/helpers/histograms.ts'
import { stale } from '../../../test/helpers/memoryQuerier.ts'
import { createRandom, type Random } from '../../../test/helpers/random.ts'
import { histogramBytes } from '../../../test/helpers/remoteWriteBody.ts'
import { openTestStorage, type TestStorage } from '../../../test/helpers/testStorage.ts'
import { checkedHistogram, HistogramError, readWrittenHistogram } from './histogramMessage.ts'

const rounds = 3000

/** Of the list of images in a batch, as in assembly/batch/batch.ts. */
const imagesAt = 128

/** Refs, times and the words of the values of all staged samples, and the bytes of their histograms. */
function contents({ head: { kernels } }: TestStorage, batch: HeadBatch): readonly number[][] {
  const { count, pointer } = batch
  const column = (at: number, words: number) => Array.from(kernels.words.subarray(kernels.word(pointer + at) / 4).subarray(0, words * count))
  const images = kernels.word(pointer + imagesAt)
  return count === 0 ? [] : [column(0, 1), column(4, 2), column(8, 2), [...kernels.bytes.subarray(images, images + kernels.word(pointer + imagesAt + 4))]]
}

/** Stages with the reader; false when the message cannot be stored. */
function stageWithReader(batch: HeadBatch, ref: number, bytes: Uint8Array): boolean {
  try {
    const { timestampMs, histogram } = readWrittenHistogram(bytes)
    if (histogram === 'stale') batch.appendStale(ref, timestampMs)
    else batch.appendHistogram(ref, timestampMs, checkedHistogram(histogram))
    return true
  } catch (error) {
    if (error instanceof HistogramError || error instanceof RangeError) return false
    throw error
  }
}

/** Stages with the kernel; false when it leaves the message to the reader. */
function stageWithKernel({ head: { kernels } }: TestStorage, batch: HeadBatch, ref: number, bytes: Uint8Array): boolean {
  const { exports } = kernels
  const room = 12 + bytes.length + 64
  const list = exports.alloc(room)
  kernels.bytes.set(bytes, list + 12)
  kernels.words.set([ref, list + 12, bytes.length], list / 4)
  const next = exports.stageMessages(list, 0, 1, batch.pointer, 0)
  exports.free(list, room)
  expect([1, -1]).toContain(next)
  return next === 1
}

/** One to three bytes changed, added or taken away. */
function damaged(random: Random, bytes: Uint8Array): Uint8Array {
  const list = [...bytes]
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    const at = random.below(list.length)
    const byte = random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)])
    list.splice(at, random.below(2), ...(random.below(2) === 0 ? [byte] : []))
  }
  return Uint8Array.from(list)
}

describe('the histogram kernel', () => {
  it(`stages what the message reader would, in ${rounds} rounds of good and damaged messages`, { timeout: 120_000 }, async () => {
    const storage = await openTestStorage()
    const random = createRandom()
    const ref = storage.head.findOrCreate([{ name: '__name__', value: 'h' }])
    const ofReader = storage.head.batch()
    const ofKernel = storage.head.batch()
    let taken = 0
    for (let round = 0; round < rounds; round++) {
      const histogram = random.below(10) === 0 ? stale : { ...randomHistogram(random), ...(random.below(5) === 0 && { sum: NaN }) }
      const whole = histogramBytes({ timestampMs: 1_700_000_000_000 + round, histogram, asFloat: random.below(2) === 0 })
      const isDamaged = random.below(2) === 0
      const bytes = isDamaged ? damaged(random, whole) : whole
      const message = `seed ${random.seed}, round ${round}: ${Buffer.from(bytes).toString('hex')}`
      const isStorable = stageWithReader(ofReader, ref, bytes)
      const isTaken = stageWithKernel(storage, ofKernel, ref, bytes)
      if (!isDamaged) expect([isStorable, isTaken], message).toEqual([true, true])
      if (isTaken) expect([isStorable, contents(storage, ofKernel)], message).toEqual([true, contents(storage, ofReader)])
      else expect(ofKernel.count, message).toBe(0)
      if (isTaken && isDamaged) taken++
      ofReader.rollback()
      ofKernel.rollback()
    }
    expect(taken).toBeGreaterThan(rounds / 50)
    ofReader.close()
    ofKernel.close()
    await storage.close()
  })
})
