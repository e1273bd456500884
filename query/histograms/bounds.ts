// Where the buckets of a native histogram begin and end.

import { customSchema, type NativeHistogram } from '../../storage/model/histogram.ts'

export type Bucket = {
  readonly lower: number
  readonly upper: number
  readonly includesLower: boolean
  readonly includesUpper: boolean
  readonly count: number
}

/** The finest schema: 256 buckets between two powers of two. */
const finestSchema = 8

/**
 * By how many units in the last place Prometheus's bounds lie below the right ones, plus one, for each of the 256. Instrumentation puts
 * observations into buckets by the same bounds.
 */
const deviations =
  '1111112111211111112311222222222211211121122211221122102211221122111111222233213211211121111211111112101121331122122211212133222221212233223221222222223232333233112211212233213322332122323322322243223233433343333333444455435422322333324422333243223333543344'

/** 2^(k / 256 - 1) for k from 0 to 255, as Prometheus has them. */
let fractions: Float64Array | undefined

/** Upper bound of positive bucket `index` of an exponential schema. The bucket of the largest double ends there, the one after it at Infinity. */
export function exponentialBound(index: number, schema: number): number {
  if (schema < 0) {
    const exponent = index * 2 ** -schema
    return exponent === 1024 ? Number.MAX_VALUE : scaled(0.5, exponent + 1)
  }
  fractions ??= computeFractions()
  const perOctave = 2 ** schema
  const octave = Math.floor(index / perOctave)
  const fraction = fractions[(index - octave * perOctave) << (finestSchema - schema)] as number // 256 entries
  return fraction === 0.5 && octave + 1 === 1025 ? Number.MAX_VALUE : scaled(fraction, octave + 1)
}

/** `fraction` * 2^`exponent` for fractions of 0.5 to 1. */
function scaled(fraction: number, exponent: number): number {
  if (exponent > 1025) return Infinity
  if (exponent < -1080) return 0
  if (exponent > 1000) return fraction * 2 ** 1000 * 2 ** (exponent - 1000)
  return exponent < -1000 ? fraction * 2 ** -1000 * 2 ** (exponent + 1000) : fraction * 2 ** exponent
}

/** Eight square roots of whole numbers with 160 binary places: far more than a double keeps. */
function computeFractions(): Float64Array {
  const places = 160n
  return Float64Array.from({ length: 256 }, (_, k) => {
    let value = (1n << BigInt(k)) << places
    for (let i = 0; i < finestSchema; i++) value = squareRoot(value << places)
    // 54 places of the number, which is in [1, 2), rounded to 53 digits by the conversion.
    return Number(value >> (places - 80n)) / 2 ** 81 - (Number(deviations[k]) - 1) * 2 ** -53
  })
}

function squareRoot(value: bigint): bigint {
  let root = 1n << BigInt((value.toString(2).length + 1) >> 1)
  for (;;) {
    const next = (root + value / root) >> 1n
    if (next >= root) return root
    root = next
  }
}

/** The bounds of one positive bucket, exponential or custom. */
export function positiveBounds(histogram: NativeHistogram, index: number): { readonly lower: number; readonly upper: number } {
  const { schema, customBounds } = histogram
  if (schema !== customSchema) return { lower: exponentialBound(index - 1, schema), upper: exponentialBound(index, schema) }
  return { lower: index === 0 ? -Infinity : (customBounds[index - 1] ?? Infinity), upper: customBounds[index] ?? Infinity }
}

/** All populated buckets, ascending, the zero bucket between the negative and the positive ones. */
export function bucketsOf(histogram: NativeHistogram): Bucket[] {
  const { positive, negative, schema, zeroThreshold, zeroCount } = histogram
  const buckets: Bucket[] = []
  for (let k = negative.indexes.length - 1; k >= 0; k--) {
    const index = negative.indexes[k] as number // k is below the length
    const count = negative.counts[k] as number
    if (count === 0) continue
    buckets.push({ lower: -exponentialBound(index, schema), upper: -exponentialBound(index - 1, schema), includesLower: true, includesUpper: false, count })
  }
  if (zeroCount > 0) buckets.push({ lower: -zeroThreshold, upper: zeroThreshold, includesLower: true, includesUpper: true, count: zeroCount })
  for (let k = 0; k < positive.indexes.length; k++) {
    const index = positive.indexes[k] as number // k is below the length
    const count = positive.counts[k] as number
    if (count === 0) continue
    buckets.push({ ...positiveBounds(histogram, index), includesLower: schema === customSchema && index === 0, includesUpper: true, count })
  }
  return buckets
}
