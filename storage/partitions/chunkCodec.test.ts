// Chunks of native histograms in the writer's codec; that they hold what was appended is in histogram.test.ts.

import { describe, expect, it } from 'vitest'
import { loadKernelModule } from '../../src/kernels/kernels.ts'
import { randomHistogram } from '../../test/helpers/histograms.ts'
import { createRandom } from '../../test/helpers/random.ts'
import { sectionChecksum } from '../../test/helpers/sectionChecksum.ts'
import { openTestStorage } from '../../test/helpers/testStorage.ts'
import { listPartitions } from '../files/dataDir.ts'
import { PartitionReader } from '../files/partitionReader.ts'
import { labelsFrom } from '../model/labels.ts'
import { ChunkCodec } from './chunkCodec.ts'

const rounds = 3000
/** Of the values section that a section of histograms begins with. */
const innerAt = 11

describe('a section of histograms', () => {
  it(`is refused or decoded when ${rounds} times some of its bytes are others and its checksums right, and the codec goes on`, { timeout: 120_000 }, async () => {
    const random = createRandom()
    const startMs = 20_000 * 86_400_000
    const storage = await openTestStorage({ nowMs: () => startMs + 100_000 })
    const appender = storage.appender()
    for (let i = 0; i < 50; i++) appender.appendHistogram(labelsFrom({ __name__: 'h' }), startMs + i * 1000, randomHistogram(random))
    await appender.commit()
    await storage.flush()
    const partition = listPartitions(storage.dir).current[0]
    const reader = new PartitionReader(partition?.path ?? '', startMs)
    const row = [...reader.chunksFrom(0)][0]
    reader.close()
    if (row === undefined) throw new Error('nothing was flushed')
    const codec = new ChunkCodec(loadKernelModule())
    const outcomes = new Set<string | undefined>()
    for (let round = 0; round < rounds; round++) {
      const section = Uint8Array.from(row.valuesSection)
      for (let changes = 1 + random.below(3); changes > 0; changes--) section[7 + random.below(section.length - 7)] = random.below(256)
      seal(section)
      codec.clear()
      const problem = codec.add(row.timesSection, section)
      outcomes.add(problem)
      if (problem === undefined && codec.hasHistograms) codec.encode(0, codec.count)
      codec.clear()
      expect(codec.add(row.timesSection, row.valuesSection), `seed ${random.seed}, round ${round}`).toBeUndefined()
      expect(codec.encode(0, codec.count).chunk.length, `seed ${random.seed}, round ${round}`).toBeGreaterThan(0)
    }
    expect([...outcomes]).toEqual(expect.arrayContaining([undefined, 'values section is damaged', 'histograms are damaged']))
    await storage.close()
  })
})

/** Writes the right checksums into the section and into the one in it, where that is whole. */
function seal(section: Uint8Array): void {
  const view = new DataView(section.buffer)
  const innerEnd = innerAt + view.getUint32(innerAt - 4, true)
  if (innerEnd <= section.length && innerEnd > innerAt + 4) view.setUint32(innerAt, sectionChecksum(section.subarray(innerAt + 4, innerEnd)), true)
  view.setUint32(0, sectionChecksum(section.subarray(4)), true)
}
