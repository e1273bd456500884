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
