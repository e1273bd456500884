// The encoder against the slow reading of the format's description, and a chunk whose bytes are known.

import { describe, expect, it } from 'vitest'
import { createRandom } from '../../test/helpers/random.ts'
import { crc32c } from './crc32c.ts'
import { samplesPerChunk, XorChunkEncoder } from './xorChunk.ts'

type Sample = { readonly timeMs: number; readonly bits: bigint }

function encode(samples: readonly Sample[]): Uint8Array {
  const encoder = new XorChunkEncoder()
  for (const { timeMs, bits } of samples) encoder.append(timeMs, Number(bits & 0xffffffffn), Number(bits >> 32n))
  return encoder.finish()
}

/** Bit by bit, as the format is described. */
function decode(chunk: Uint8Array): Sample[] {
  let at = 16
  const bit = () => ((chunk[at >> 3] ?? 0) >> (7 - (at++ & 7))) & 1
  const bits = (count: number) => {
    let value = 0n
    for (let i = 0; i < count; i++) value = (value << 1n) | BigInt(bit())
    return value
  }
  const uvarint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bits(8)
      value |= (byte & 0x7fn) << shift
      if (byte < 0x80n) return value
    }
  }
  const signed = (count: number) => {
    const value = bits(count)
    return value > 1n << BigInt(count - 1) ? value - (1n << BigInt(count)) : value
  }
  const deltaOfDelta = () => {
    for (const count of [0, 14, 17, 20]) if (bit() === 0) return count === 0 ? 0n : signed(count)
    return BigInt.asIntN(64, bits(64))
  }
  let window = { leading: 0, length: 0 }
  const nextValue = (previous: bigint) => {
    if (bit() === 0) return previous
    if (bit() === 1) {
      const leading = Number(bits(5))
      window = { leading, length: Number(bits(6)) || 64 }
    }
    return previous ^ (bits(window.length) << BigInt(64 - window.leading - window.length))
  }
  const count = ((chunk[0] ?? 0) << 8) | (chunk[1] ?? 0)
  const samples: Sample[] = []
  let time = 0n
  let delta = 0n
  let value = 0n
  for (let i = 0; i < count; i++) {
    if (i === 0) {
      const zigZag = uvarint()
      time = zigZag & 1n ? -(zigZag >> 1n) - 1n : zigZag >> 1n
      value = bits(64)
    } else {
      delta = i === 1 ? uvarint() : delta + deltaOfDelta()
      time += delta
      value = nextValue(value)
    }
    samples.push({ timeMs: Number(time), bits: value })
  }
  expect(Math.ceil(at / 8), 'nothing after the last sample').toBe(chunk.length)
  return samples
}

const bitsOf = (value: number) => new BigUint64Array(Float64Array.of(value).buffer)[0] ?? 0n

describe('XorChunkEncoder', () => {
  const keeps = (what: string, samples: readonly Sample[]) => it(`keeps ${what}`, () => expect(decode(encode(samples))).toEqual(samples))

  keeps('one sample', [{ timeMs: 1_700_000_000_123, bits: bitsOf(1.5) }])
  keeps('times before 1970', [-5_000, -1, 0, 3].map((timeMs) => ({ timeMs, bits: bitsOf(timeMs) })))
  keeps('every width of delta of delta', [0, 8191, 8192, 8193, -8191, -8192, 65536, 65537, -65535, 524288, 524289, -524287, 2 ** 40, -(2 ** 39)].reduce<Sample[]>((all, dod, i) => {
    const before = all.at(-1)?.timeMs ?? 0
    // Two samples each bring the distance back to 2^41.
    return [...all, { timeMs: before + 2 ** 41, bits: BigInt(i) }, { timeMs: before + 2 ** 42, bits: BigInt(i) }, { timeMs: before + 2 ** 42 + 2 ** 41 + dod, bits: 0n }]
  }, []))
  keeps('the bits of NaNs, infinities and minus zero', [0x7ff0000000000002n, 0x7ff8000000000001n, bitsOf(Infinity), bitsOf(-Infinity), bitsOf(-0), 0n, 0xffffffffffffffffn, 1n, 1n << 63n].map((bits, i) => ({ timeMs: i * 15_000, bits })))

  it('keeps random samples', () => {
    const random = createRandom()
    const share = () => random.below(1_000_000) / 1_000_000
    for (let run = 0; run < 300; run++) {
      let timeMs = random.below(1_000_000) * 1_000_000
      let value = share()
      const samples = Array.from({ length: 1 + random.below(samplesPerChunk) }, () => {
        timeMs += 1 + Math.floor(share() ** 6 * 1e7)
        value = random.pick([value, value, random.below(1000), share() * 10 ** (random.below(40) - 20)])
        return { timeMs, bits: bitsOf(value) }
      })
      expect(decode(encode(samples)), `SEED=${random.seed}`).toEqual(samples)
    }
  })
})

describe('crc32c', () => {
  it('gives the values of RFC 3720', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43)
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e)
  })
})
