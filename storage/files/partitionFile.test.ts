import { beforeEach, describe, expect, it } from 'vitest'
import { createKernelMemory, createKernels, loadKernelModule } from '../../src/kernels/kernels.ts'
import { createRandom } from '../../test/helpers/random.ts'
import { testDataDir } from '../../test/helpers/testStorage.ts'
import { ChunkCodec } from '../partitions/chunkCodec.ts'
import { compactionSteps } from '../partitions/compaction.ts'
import { splitChunk } from './chunkRow.ts'
import { createDataDir, dayMs, listPartitions, partitionPath } from './dataDir.ts'
import { PartitionReader } from './partitionReader.ts'
import { PartitionWriter } from './partitionWriter.ts'

const startMs = 20_000 * dayMs
const codec = new ChunkCodec(loadKernelModule())
const { exports, memory } = createKernels(loadKernelModule(), createKernelMemory())
memory.grow(64)

type Samples = { readonly timestampsMs: readonly number[]; readonly values: readonly number[] }

function encode({ timestampsMs, values }: Samples): Uint8Array {
  const doubles = new Float64Array(memory.buffer)
  doubles.set(timestampsMs, 8192)
  doubles.set(values, 16_384)
  const length = exports.encodeChunk(8 * 8192, 8 * 16_384, values.length, 8 * 32_768, 1 << 20, 8 * 32_768 + (1 << 20))
  return new Uint8Array(memory.buffer, 8 * 32_768, length).slice()
}

let dir = ''
beforeEach(() => createDataDir((dir = testDataDir())))

/** One chunk for each series, refs from 1 on. */
function write(all: readonly Samples[]): void {
  const writer = new PartitionWriter({ path: partitionPath(dir, startMs, 1), startMs })
  all.forEach((samples, index) => {
    const { timestampsMs } = samples
    writer.add({ ref: index + 1, minTimeMs: timestampsMs[0] ?? 0, maxTimeMs: timestampsMs.at(-1) ?? 0, isOutOfOrder: false, sampleCount: timestampsMs.length, ...splitChunk(encode(samples)) })
  })
  writer.commit()
}

function compact(): void {
  for (const partition of listPartitions(dir).current) for (const _ of compactionSteps(dir, partition, codec, { rangesOf: () => undefined, resolutionOf: () => 0 }));
}

function read<T>(look: (reader: PartitionReader) => T): T {
  const path = listPartitions(dir).current[0]?.path ?? ''
  const reader = new PartitionReader(path, startMs)
  try {
    return look(reader)
  } finally {
    reader.close()
  }
}

function readAll(): Samples[] {
  return read((reader) =>
    [...reader.chunksFrom(0)].map((row) => {
      codec.clear()
      expect(codec.add(row.timesSection, row.valuesSection)).toBeUndefined()
      const { timestampsMs, values } = codec.columns()
      return { timestampsMs: [...timestampsMs], values: [...values] }
    }),
  )
}

const rows = () => read((reader) => [...reader.chunksFrom(0)])

describe('a partition', () => {
  const random = createRandom()
  const jittered = Array.from({ length: 1000 }, (_, i) => startMs + 15_000 * i + random.below(20))
  const noise = jittered.map(() => random.below(1_000_000))
  const longAgo = jittered.map((_, i) => (i % 50 < 25 ? 4096 * (i % 25) + 1 : 77))

  it('stores equal values once', () => {
    const all = [
      { timestampsMs: jittered, values: noise },
      { timestampsMs: jittered, values: noise.map((value) => value + 1) },
      { timestampsMs: jittered, values: noise },
    ]
    write(all)
    expect(readAll()).toEqual(all)
    expect(rows().map(({ packing }) => packing)).toEqual(['plain', 'plain', 'same as another chunk'])
    compact()
    expect(readAll()).toEqual(all)
    expect(rows().map(({ packing }) => packing)).toEqual(['plain', 'plain', 'same as another chunk'])
  })

  it('compresses what repeats itself when it is compacted', () => {
    const all = [{ timestampsMs: jittered, values: longAgo }]
    write(all)
    compact()
    expect(readAll()).toEqual(all)
    expect(rows()[0]?.packing).toBe('zstd')
  })

  it('stores the times of a series that came late or was interrupted as a part of the others', () => {
    const part = (keep: (i: number) => boolean) => ({ timestampsMs: jittered.filter((_, i) => keep(i)), values: noise.filter((_, i) => keep(i)) })
    const all = [part(() => true), part((i) => i >= 300), part((i) => i < 10), part((i) => i % 100 < 50), part((i) => i === 999), { timestampsMs: jittered.map((time) => time + 1), values: noise }]
    write(all)
    compact()
    expect(readAll()).toEqual(all)
    const lengths = read((reader) => [...reader.chunksFrom(0)].map((row) => [row.timesSection.length, reader.timesIds().length]))
    // The composed section is only a little longer than the one it refers to.
    const whole = lengths[0]?.[0] ?? 0
    for (const [length = 0] of lengths.slice(1, 5)) expect(length - whole).toBeLessThan(60)
    expect(read((reader) => reader.timesBases())).toHaveLength(1)
  })

  it('gives back every sample of random series, whatever they share', () => {
    for (let round = 0; round < 8; round++) {
      const times = Array.from({ length: 1 + random.below(3) }, () => Array.from({ length: 1 + random.below(500) }, (_, i) => startMs + 100 * i + random.below(100)))
      const all: Samples[] = []
      for (let n = 0; n < 30; n++) {
        const base = random.pick(times)
        const from = random.below(base.length)
        const holes = random.pick([0, 0, 3, 100])
        const timestampsMs = base.slice(random.pick([0, from])).filter(() => holes === 0 || random.below(holes) > 0)
        if (timestampsMs.length === 0) continue
        const kind = random.below(4)
        const copied = all.find((one) => one.values.length === timestampsMs.length)
        all.push({ timestampsMs, values: kind === 0 && copied !== undefined ? copied.values : timestampsMs.map((_, i) => (kind === 1 ? 7 : kind === 2 ? random.below(1000) / 10 : (i % 40) * 512)) })
      }
      dir = testDataDir()
      createDataDir(dir)
      write(all)
      expect(readAll(), `seed ${random.seed}, round ${round}`).toEqual(all)
      compact()
      expect(readAll(), `seed ${random.seed}, round ${round}, compacted`).toEqual(all)
    }
  })
})
