// `topk` and `bottomk`: per step a heap of the best values, the worst of them on top, which takes in one series after the other
// for a block of steps. Which of several equal ones stays follows from the order of swaps, which are those of Go's
// `container/heap`, so that ties fall as in Prometheus. NaN is worse than everything, itself included.
//
// Heaps of `count` steps with room for `most` members each:
//   { worst f64 per step; keys f64, `most` per step; indexes i32, `most` per step; sizes i32 per step }
// A key is the value, negated for `bottomk`. `worst` is NaN while a heap takes anything.

/** Bytes of heaps; a multiple of 8. */
export function heapBytes(count: i32, most: i32): i32 {
  return (12 * count * (most + 1) + 7) & ~7
}

// @ts-ignore: decorator
@inline
function heapKeys(heaps: usize, count: i32, most: i32, step: i32): usize {
  return heaps + (<usize>(count + step * most) << 3)
}

/** The indexes in one heap, as they lie in it. */
export function heapIndexes(heaps: usize, count: i32, most: i32, step: i32): usize {
  return heaps + (<usize>(count * (most + 1)) << 3) + (<usize>(step * most) << 2)
}

// @ts-ignore: decorator
@inline
function sizeAt(heaps: usize, count: i32, most: i32, step: i32): usize {
  return heaps + (<usize>(count * (most + 1)) << 3) + (<usize>(count * most + step) << 2)
}

export function heapSize(heaps: usize, count: i32, most: i32, step: i32): i32 {
  return load<i32>(sizeAt(heaps, count, most, step))
}

/** Makes all heaps empty. */
export function clearHeaps(heaps: usize, count: i32, most: i32): void {
  for (let step = 0; step < count; step++) {
    store<f64>(heaps + (<usize>step << 3), NaN)
    store<i32>(sizeAt(heaps, count, most, step), 0)
  }
}

/** Offers the values of series `index` that are present; `limits` (i32 per step, at most `most`) is how many a heap keeps. */
export function offerColumn(heaps: usize, count: i32, most: i32, limits: usize, index: i32, values: usize, present: usize, sign: f64): void {
  const signs = f64x2.splat(sign)
  let step = 0
  for (; step + 1 < count; step += 2) {
    const worst = v128.load(heaps + (<usize>step << 3))
    const keys = f64x2.mul(v128.load(values + (<usize>step << 3)), signs)
    // Nearly always none of two is good enough.
    if (!v128.any_true(v128.or(f64x2.lt(worst, keys), f64x2.ne(worst, worst)))) continue
    offer(heaps, count, most, limits, index, values, present, sign, step)
    offer(heaps, count, most, limits, index, values, present, sign, step + 1)
  }
  if (step < count) offer(heaps, count, most, limits, index, values, present, sign, step)
}

function offer(heaps: usize, count: i32, most: i32, limits: usize, index: i32, values: usize, present: usize, sign: f64, step: i32): void {
  if (load<u8>(present + <usize>step) == 0) return
  const limit = load<i32>(limits + (<usize>step << 2))
  if (limit < 1) return
  const key = load<f64>(values + (<usize>step << 3)) * sign
  const keys = heapKeys(heaps, count, most, step)
  const indexes = heapIndexes(heaps, count, most, step)
  let size = heapSize(heaps, count, most, step)
  if (size < limit) {
    store<f64>(keys + (<usize>size << 3), key)
    store<i32>(indexes + (<usize>size << 2), index)
    moveUp(keys, indexes, size++)
    store<i32>(sizeAt(heaps, count, most, step), size)
  } else {
    const worst = load<f64>(keys)
    if (!(worst < key || (worst != worst && key == key))) return
    store<f64>(keys, key)
    store<i32>(indexes, index)
    moveDown(keys, indexes, size)
  }
  if (size == limit) store<f64>(heaps + (<usize>step << 3), load<f64>(keys))
}

function moveUp(keys: usize, indexes: usize, start: i32): void {
  let child = start
  while (child > 0) {
    const parent = (child - 1) >> 1
    if (!isWorse(keys, child, parent)) return
    swap(keys, indexes, child, parent)
    child = parent
  }
}

function moveDown(keys: usize, indexes: usize, size: i32): void {
  let parent = 0
  while (true) {
    const left = 2 * parent + 1
    if (left >= size) return
    const right = left + 1
    const child = right < size && isWorse(keys, right, left) ? right : left
    if (!isWorse(keys, child, parent)) return
    swap(keys, indexes, child, parent)
    parent = child
  }
}

// @ts-ignore: decorator
@inline
function isWorse(keys: usize, a: i32, b: i32): bool {
  const key = load<f64>(keys + (<usize>a << 3))
  return key != key || key < load<f64>(keys + (<usize>b << 3))
}

function swap(keys: usize, indexes: usize, a: i32, b: i32): void {
  const key = load<f64>(keys + (<usize>a << 3))
  const index = load<i32>(indexes + (<usize>a << 2))
  store<f64>(keys + (<usize>a << 3), load<f64>(keys + (<usize>b << 3)))
  store<i32>(indexes + (<usize>a << 2), load<i32>(indexes + (<usize>b << 2)))
  store<f64>(keys + (<usize>b << 3), key)
  store<i32>(indexes + (<usize>b << 2), index)
}
