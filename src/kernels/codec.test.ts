import { describe, expect, it } from 'vitest'
import { sectionChecksum } from '../../test/helpers/sectionChecksum.ts'
import { createRandom } from '../../test/helpers/random.ts'
import { captureNames, readCapture } from '../../test/helpers/scraping/scrapeCapture.ts'
import { createKernelMemory, createKernels, loadKernelModule } from './kernels.ts'

const maxCount = 65_535
const timesPtr = 65_536
const valuesPtr = timesPtr + 8 * maxCount + 8
const chunkPtr = valuesPtr + 8 * maxCount + 8
const chunkCapacity = 24 * maxCount + 256
const scratchPtr = Math.ceil((chunkPtr + chunkCapacity) / 16) * 16
const timesOutPtr = scratchPtr + 64 * maxCount + 4096 + 64
const valuesOutPtr = timesOutPtr + 8 * maxCount + 8
const end = valuesOutPtr + 8 * maxCount + 8

const memory = createKernelMemory()
const { exports: kernels } = createKernels(loadKernelModule(), memory)
if (memory.buffer.byteLength < end) memory.grow(Math.ceil((end - memory.buffer.byteLength) / 65_536))
const doubles = new Float64Array(memory.buffer)
const words = new BigUint64Array(memory.buffer)
const bytes = new Uint8Array(memory.buffer)

type Samples = { readonly times: readonly number[]; readonly bits: readonly bigint[] }

const word = new BigUint64Array(1)
const double = new Float64Array(word.buffer)

function bitsOf(value: number): bigint {
  double[0] = value
  return word[0] ?? 0n
}

function encode({ times, bits }: Samples): Uint8Array {
  doubles.set(times, timesPtr / 8)
  bits.forEach((value, i) => (words[valuesPtr / 8 + i] = value))
  const length = kernels.encodeChunk(timesPtr, valuesPtr, times.length, chunkPtr, chunkCapacity, scratchPtr)
  expect(length).toBeGreaterThan(0)
  return bytes.slice(chunkPtr, chunkPtr + length)
}

/** The samples of a chunk, or `undefined` when it is refused. */
function decode(chunk: Uint8Array, capacity = maxCount): Samples | undefined {
  bytes.set(chunk, chunkPtr)
  const count = kernels.decodeChunk(chunkPtr, chunk.length, timesOutPtr, valuesOutPtr, capacity)
  if (count < 0) return undefined
  return {
    times: [...doubles.subarray(timesOutPtr / 8, timesOutPtr / 8 + count)],
    bits: [...words.subarray(valuesOutPtr / 8, valuesOutPtr / 8 + count)],
  }
}

function comesBack(samples: Samples): Uint8Array {
  const chunk = encode(samples)
  expect(decode(chunk)).toEqual(samples)
  return chunk
}

const every15s = (count: number) => Array.from({ length: count }, (_, i) => 1_795_426_500_000 + 15_000 * i)
const series = (...values: number[]): Samples => ({ times: every15s(values.length), bits: values.map(bitsOf) })

/** Numbers from 0 to below 1; SEED repeats a run. */
function createFractions(): { readonly seed: number; readonly random: () => number } {
  const { seed, below } = createRandom()
  return { seed, random: () => below(2 ** 32) / 2 ** 32 }
}

describe('a chunk', () => {
  const keeps = (what: string, samples: Samples) => it(`keeps ${what}`, () => void comesBack(samples))
  const longest = Array.from({ length: maxCount }, (_, i) => Math.sin(i))

  keeps('a single sample', series(42))
  keeps('whole numbers', series(1, 2, 3, 5, 8, 13, 1e15, -1e15, 0))
  keeps('decimals', series(0.1, 0.25, 12.5, 1e-9, 3.14159, -2.718))
  keeps('a value that never changes', series(...Array.from({ length: 300 }, () => 0.1 + 0.2)))
  keeps('the specials', series(-0, 0, NaN, Infinity, -Infinity, Number.MIN_VALUE, -Number.MIN_VALUE, Number.MAX_VALUE, 2 ** 53, -(2 ** 63)))
  keeps('the staleness marker and other NaN bits', {
    times: every15s(6),
    bits: [bitsOf(1), 0x7ff0000000000002n, bitsOf(2), 0x7ff8000000000001n, 0xfff8dead0000beefn, 0x7ff0000000000001n],
  })
  keeps('a staleness marker among whole numbers', { times: every15s(200), bits: Array.from({ length: 200 }, (_, i) => (i === 77 ? 0x7ff0000000000002n : bitsOf(i))) })
  keeps('decimals of 2^51 units and more', series(...Array.from({ length: 301 }, (_, i) => Math.round(2 ** 51 + ((i * 7919) % 1009) - 500) / 100)))
  keeps('a counter with resets', series(...Array.from({ length: 500 }, (_, i) => (i % 190) * 1_000_003)))
  keeps('multiples of a page', series(...Array.from({ length: 200 }, (_, i) => 4096 * ((i * 7919) % 1009))))
  keeps('the extremes of 64 bits side by side', { times: every15s(4), bits: [0n, 0xffffffffffffffffn, 0x8000000000000000n, 0x7fffffffffffffffn] })
  keeps('times before 1970 and far ahead', { times: [-8_640_000_000_000_000, -1, 0, 1, 4_102_444_800_000, 8_640_000_000_000_000], bits: [1, 2, 3, 4, 5, 6].map(bitsOf) })
  keeps('times with jitter and a gap', { times: every15s(400).map((time, i) => time + ((i * 31) % 7) + (i > 200 ? 3_600_000 : 0)), bits: Array.from({ length: 400 }, (_, i) => bitsOf(i)) })
  keeps('the longest column of true doubles', series(...longest))

  it('holds nothing beyond its greatest count', () => {
    expect(kernels.encodeChunk(timesPtr, valuesPtr, maxCount + 1, chunkPtr, 2 * chunkCapacity, scratchPtr)).toBe(-1)
    expect(kernels.encodeChunk(timesPtr, valuesPtr, 0, chunkPtr, chunkCapacity, scratchPtr)).toBe(-1)
  })

  it('takes a few bits a sample for sums of decimals, which are off by some units in the last place', () => {
    const sums: number[] = []
    for (let i = 0, sum = 0; i < 2000; i++) sums.push((sum += 0.01 * (1 + ((i * 7919) % 3))))
    expect(encode(series(...sums)).length / sums.length).toBeLessThan(1.5)
  })

  it('is refused by a reader with too little room', () => {
    expect(decode(encode(series(1, 2, 3)), 2)).toBeUndefined()
  })

  it('tells its count without being decoded', () => {
    const chunk = encode(series(1, 2, 3))
    bytes.set(chunk, chunkPtr)
    expect(kernels.chunkSampleCount(chunkPtr, chunk.length)).toBe(3)
  })

  it('takes a few bytes for regular times and a value that never changes', () => {
    expect(encode(series(...Array.from({ length: 5760 }, () => 1))).length).toBeLessThan(48)
  })
})

describe('random samples', () => {
  const shapes: Readonly<Record<string, (random: () => number, i: number, before: number) => number>> = {
    'any 64 bits': () => NaN,
    constant: (_random, _i, before) => before,
    'counter': (random, _i, before) => Math.max(0, before) + Math.floor(random() * 1000),
    'counter of bytes': (random, _i, before) => Math.max(0, before) + Math.floor(random() * 2e6),
    'counter with rare resets': (random, _i, before) => (random() < 0.01 ? 0 : before + Math.floor(random() * 3)),
    'two decimals': (random) => Math.round(random() * 10_000) / 100,
    'seconds with nanoseconds': (random) => Math.round(random() * 1e12) / 1e9,
    'sum of doubles': (random, _i, before) => before + random() / 3,
    'sum of decimals': (random, _i, before) => before + Math.floor(random() * 4) / 100,
    'sum of nanoseconds that starts over': (random, _i, before) => (random() < 0.01 ? 0 : before + Math.floor(random() * 1e7) / 1e9),
    'sum of decimals that stands still, with markers': (random, _i, before) => (random() < 0.05 ? (random() < 0.3 ? NaN : -0) : (Number.isNaN(before) ? 1 : before) + (random() < 0.1 ? 0.001 : 0)),
    'mostly zero': (random) => (random() < 0.05 ? random() : 0),
    'mixed magnitudes': (random) => (random() - 0.5) * 10 ** Math.floor(random() * 40 - 20),
    'decimals with a true double now and then': (random) => (random() < 0.02 ? random() : Math.round(random() * 100) / 10),
    'NaN for a while': (random, i) => (i % 100 < 50 ? NaN : Math.floor(random() * 10)),
  }
  for (const [name, shape] of Object.entries(shapes)) {
    it(`come back to the bit: ${name}`, () => {
      const { seed, random } = createFractions()
      for (let round = 0; round < 60; round++) {
        const count = 1 + Math.floor(random() ** 3 * 700)
        let time = Math.floor((random() - 0.2) * 2e12)
        let before = random() < 0.5 ? Math.floor(random() * 1e6) : random()
        const times: number[] = []
        const bits: bigint[] = []
        const intervalMs = 1 + Math.floor(random() * 60_000)
        for (let i = 0; i < count; i++) {
          time += random() < 0.9 ? intervalMs : 1 + Math.floor(random() * 2 * intervalMs)
          times.push(time)
          before = shape(random, i, before)
          bits.push(name === 'any 64 bits' ? BigInt(Math.floor(random() * 2 ** 32)) * 2n ** 32n + BigInt(Math.floor(random() * 2 ** 32)) : bitsOf(before))
        }
        const decoded = decode(encode({ times, bits }))
        expect(decoded?.bits, `seed ${seed}, round ${round}`).toEqual(bits)
        expect(decoded?.times, `seed ${seed}, round ${round}`).toEqual(times)
      }
    })
  }
})

describe('real scrapes', () => {
  /** Samples of each series of a capture, keyed by its text. */
  function readSeries(name: (typeof captureNames)[number]): Map<string, { times: number[]; values: number[] }> {
    const all = new Map<string, { times: number[]; values: number[] }>()
    for (const { timestampMs, body } of readCapture(name)) {
      for (const line of body.split('\n')) {
        const match = /^([a-zA-Z_:][^{ ]*(?:\{.*\})?) (\S+)$/.exec(line)
        if (match?.[1] === undefined) continue
        let one = all.get(match[1])
        if (one === undefined) all.set(match[1], (one = { times: [], values: [] }))
        one.times.push(timestampMs)
        one.values.push(Number((match[2] ?? '').replace('Inf', 'Infinity')))
      }
    }
    return all
  }

  it('come back to the bit, values in a quarter of a byte each and shared times in next to nothing', () => {
    let samples = 0
    let valueBytes = 0
    const timeSections = new Map<string, number>()
    for (const name of captureNames) {
      for (const { times, values } of readSeries(name).values()) {
        const chunk = encode({ times, bits: values.map(bitsOf) })
        const decoded = decode(chunk)
        expect(decoded?.bits).toEqual(values.map(bitsOf))
        expect(decoded?.times).toEqual(times)
        const timesLength = new DataView(chunk.buffer).getUint32(4, true)
        timeSections.set(Buffer.from(chunk.subarray(8, 8 + timesLength)).toString('latin1'), timesLength)
        valueBytes += chunk.length - 8 - timesLength
        samples += times.length
      }
    }
    const timeBytes = [...timeSections.values()].reduce((sum, length) => sum + length, 0)
    expect(valueBytes / samples).toBeLessThan(0.19)
    expect(timeBytes / samples).toBeLessThan(0.02)
  })
})

describe('a damaged chunk', () => {
  const samples = series(...Array.from({ length: 300 }, (_, i) => (i % 3 === 0 ? i * 1.5 : Math.sqrt(i))))

  it('is refused when any bit is flipped', () => {
    const chunk = encode(samples)
    for (let at = 0; at < chunk.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const damaged = chunk.slice()
        damaged[at] = (damaged[at] ?? 0) ^ (1 << bit)
        if (decode(damaged) !== undefined) expect.fail(`bit ${bit} of byte ${at}`)
      }
    }
  })

  it('is refused at any shorter length, and with bytes behind it', () => {
    const chunk = encode(samples)
    for (let length = 0; length < chunk.length; length++) if (decode(chunk.subarray(0, length)) !== undefined) expect.fail(`length ${length}`)
    expect(decode(new Uint8Array([...chunk, 0]))).toBeUndefined()
  })

  it('is refused when it is noise, without a crash or a hang', () => {
    const { seed, random } = createFractions()
    for (let round = 0; round < 5000; round++) {
      const noise = Uint8Array.from({ length: Math.floor(random() * 200) }, () => Math.floor(random() * 256))
      if (noise.length > 8) noise.set([1, 0, noise[2] ?? 0, 0, 10, 0, 0, 0])
      if (decode(noise) !== undefined) expect.fail(`seed ${seed}, round ${round}`)
    }
  })

  it('is refused or decoded within bounds when its checksums are made right again', () => {
    const { seed, random } = createFractions()
    const chunk = encode(samples)
    const guard = 0x1234567890abcdefn
    for (let round = 0; round < 3000; round++) {
      const damaged = chunk.slice()
      for (let flips = 1 + Math.floor(random() * 4); flips > 0; flips--) damaged[8 + Math.floor(random() * (chunk.length - 8))] = Math.floor(random() * 256)
      sealSections(damaged)
      words[timesOutPtr / 8 + 300] = guard
      words[valuesOutPtr / 8 + 300] = guard
      bytes.set(damaged, chunkPtr)
      kernels.decodeChunk(chunkPtr, damaged.length, timesOutPtr, valuesOutPtr, 300)
      expect([words[timesOutPtr / 8 + 300], words[valuesOutPtr / 8 + 300]], `seed ${seed}, round ${round}`).toEqual([guard, guard])
    }
  })

  it('is decoded within bounds when its times are a part of others, whatever their ranges say', () => {
    const { seed, random } = createFractions()
    const base = every15s(300)
    const part = base.filter((_, i) => i % 7 < 3 || i > 250)
    doubles.set(base, valuesPtr / 8)
    doubles.set(part, timesPtr / 8)
    const length = kernels.encodeTimesWithin(timesPtr, part.length, valuesPtr, base.length, scratchPtr, 512)
    const own = bytes.slice(scratchPtr, scratchPtr + length)
    const whole = encode({ times: base, bits: base.map(() => 0n) })
    const section = new Uint8Array([...own, ...whole.subarray(8, 8 + new DataView(whole.buffer).getUint32(4, true))])
    const decoded = (bytesOfSection: Uint8Array) => {
      bytes.set(bytesOfSection, chunkPtr)
      return kernels.decodeTimes(chunkPtr, bytesOfSection.length, timesOutPtr, 300)
    }
    expect(decoded(section)).toBe(part.length)
    expect([...doubles.subarray(timesOutPtr / 8, timesOutPtr / 8 + part.length)]).toEqual(part)
    const guard = 0x1234567890abcdefn
    words[timesOutPtr / 8 + 300] = guard
    for (let round = 0; round < 3000; round++) {
      const damaged = section.slice()
      for (let flips = 1 + Math.floor(random() * 3); flips > 0; flips--) damaged[4 + Math.floor(random() * (length - 4))] = Math.floor(random() * 256)
      new DataView(damaged.buffer).setUint32(0, sectionChecksum(damaged.subarray(4, 9 + new DataView(damaged.buffer).getUint16(7, true))), true)
      const count = decoded(damaged)
      expect(count, `seed ${seed}, round ${round}`).toBeLessThanOrEqual(300)
      expect(words[timesOutPtr / 8 + 300], `seed ${seed}, round ${round}`).toBe(guard)
    }
  })

  /** Writes the right checksums into both sections, as the format defines them. */
  function sealSections(chunk: Uint8Array): void {
    const view = new DataView(chunk.buffer)
    const split = 8 + view.getUint32(4, true)
    view.setUint32(8, sectionChecksum(chunk.subarray(12, split)), true)
    view.setUint32(split, sectionChecksum(chunk.subarray(split + 4)), true)
  }
})
