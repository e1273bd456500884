import { expect, it } from 'vitest'
import { createKernelMemory, createKernels, loadKernelModule } from '../../src/kernels/kernels.ts'
import { ColumnSpace } from './columnSpace.ts'

it('gives back what one large query needed', () => {
  const kernels = createKernels(loadKernelModule(), createKernelMemory())
  kernels.exports.initialize()
  const [large, other] = [new ColumnSpace(kernels), new ColumnSpace(kernels)]
  // Nothing is written to it, so that it takes no memory of the machine.
  large.allocate(300_000_000)
  const pages = kernels.exports.memoryPages()
  large.reset()
  large.columns(1_000)
  other.allocate(290_000_000)
  expect(kernels.exports.memoryPages()).toBe(pages)
})
