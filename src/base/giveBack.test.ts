import { expect, test } from 'vitest'
import { giveBack, takeBytes } from './giveBack.ts'

test('bytes that were given back are used again, once', () => {
  const first = takeBytes(100)
  giveBack(first)
  giveBack(first)
  const second = takeBytes(200)
  const third = takeBytes(300)
  expect(second.length).toBe(200)
  expect(second.buffer).toBe(first.buffer)
  expect(third.buffer).not.toBe(second.buffer)
})

test('bytes that are still looked at are not given out', () => {
  const buffers = new Set(Array.from({ length: 50 }, () => takeBytes(1).buffer))
  expect(buffers.size).toBe(50)
})

test('a large buffer of one’s own is freed', () => {
  const bytes = takeBytes(100_000)
  const { buffer } = bytes
  giveBack(bytes)
  expect(buffer.byteLength).toBe(0)
})

test('a part of a buffer that others share stays', () => {
  const shared = new Uint8Array(1000)
  giveBack(shared.subarray(0, 10))
  expect(shared.byteLength).toBe(1000)
})
