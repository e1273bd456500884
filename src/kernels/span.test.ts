import { expect, it } from 'vitest'
import { createKernelMemory, createKernels, loadKernelModule } from './kernels.ts'
import { Span } from './span.ts'

const kibibyte = 1024

it('uses what another thread gave back before it takes more', () => {
  const memory = createKernelMemory()
  const [main, one, other] = [0, 1, 2].map(() => createKernels(loadKernelModule(), memory))
  if (main === undefined || one === undefined || other === undefined) throw new Error('three were made')
  main.exports.initialize()
  const spans = [64, 640, 320].map((size) => {
    const span = new Span(one)
    span.reserve(size * kibibyte)
    return span
  })
  const pages = main.exports.memoryPages()
  for (const span of spans) span.close()
  const taken = [300, 64, 128, 448].map((size) => {
    const span = new Span(other)
    span.reserve(size * kibibyte)
    other.bytes.fill(size & 0xff, span.pointer, span.pointer + size * kibibyte)
    return { span, size }
  })
  for (const { span, size } of taken) expect(other.bytes.subarray(span.pointer, span.pointer + size * kibibyte).every((byte) => byte === (size & 0xff))).toBe(true)
  expect(main.exports.memoryPages()).toBe(pages)
  // Main takes over the rest.
  main.exports.alloc(60 * kibibyte)
  expect(main.exports.memoryPages()).toBe(pages)
})

it('counts as left what another thread took and gave back', () => {
  const memory = createKernelMemory()
  const [main, one] = [0, 1].map(() => createKernels(loadKernelModule(), memory))
  if (main === undefined || one === undefined) throw new Error('two were made')
  main.exports.initialize()
  const before = main.exports.bytesLeft()
  // Claimed, not touched: it takes no memory of the machine.
  const bytes = 3.5 * 1024 ** 3
  const span = one.exports.takeSpan(bytes)
  expect(main.exports.bytesLeft()).toBe(before - bytes)
  one.exports.giveSpan(span, bytes)
  expect(main.exports.bytesLeft()).toBe(before)
  const block = main.exports.alloc(1024 ** 3)
  expect(main.exports.bytesLeft()).toBe(before - 1024 ** 3)
  main.exports.free(block, 1024 ** 3)
  expect(main.exports.bytesLeft()).toBe(before)
})

it('refuses more than the memory could ever have', () => {
  const kernels = createKernels(loadKernelModule(), createKernelMemory())
  kernels.exports.initialize()
  const pages = kernels.exports.memoryPages()
  for (const bytes of [2 ** 32, 2 ** 32 + 65_536, 7.6e9]) expect(() => new Span(kernels).reserve(bytes)).toThrow('the shared memory of 4 GiB is used up')
  expect(kernels.exports.memoryPages()).toBe(pages)
})
