// How far the first and last sample of a window stand for the whole of it: what `rate`, `increase` and `delta` over
// buckets multiply by. Over samples the kernel in src/kernels/assembly/query/extrapolate.ts does the same for many windows at once.

/** Times in milliseconds; `count` samples, at least two, from `firstMs` to `lastMs` in the window (startMs, endMs]. */
export function extrapolationFactor(
  startMs: number,
  firstMs: number,
  lastMs: number,
  endMs: number,
  count: number,
  firstValue: number,
  result: number,
  isCounter: boolean,
): number {
  const sampled = (lastMs - firstMs) / 1000
  const average = sampled / (count - 1)
  const threshold = average * 1.1
  let toStart = (firstMs - startMs) / 1000
  let toEnd = (endMs - lastMs) / 1000
  if (toStart >= threshold) toStart = average / 2
  if (isCounter && result > 0 && firstValue >= 0) {
    // A counter cannot have been below zero: no further back than where it would have been zero.
    const toZero = sampled * (firstValue / result)
    if (toZero < toStart) toStart = toZero
  }
  if (toEnd >= threshold) toEnd = average / 2
  return sampled === 0 ? 1 : (sampled + toStart + toEnd) / sampled
}
