// How fast is the sample codec, on one core? Every series of the replayed day, encoded to one chunk and decoded again, and
// the speed of each way to store values by itself. Kernels only: no SQLite, no query.

import { createKernelMemory, createKernels, loadKernelModule } from '../src/kernels/kernels.ts'
import { dayMs, loadReplays } from './load/replay.ts'
import { formatCount, printTable } from './measure/table.ts'

const maxSamples = 8192
const timesPtr = 1 << 16
const valuesPtr = timesPtr + 8 * maxSamples
const outPtr = valuesPtr + 8 * maxSamples
const outBytes = 24 * maxSamples + 256
const scratchPtr = outPtr + outBytes
const chunksPtr = scratchPtr + 64 * maxSamples + 4096

type Group = { chunks: number; samples: number; bytes: number; decodeMs: number; encodeMs: number }

/** Runs the bench and prints the table. */
export async function benchCodec(): Promise<void> {
  const memory = createKernelMemory()
  memory.grow(1024)
  const { exports } = createKernels(loadKernelModule(), memory)
  const doubles = new Float64Array(memory.buffer)
  const bytes = Buffer.from(memory.buffer)
  const groups = new Map<string, Group>()
  for (const { series, timesMs } of loadReplays()) {
    for (const { values, isPresent } of series) {
      let count = 0
      values.forEach((value, i) => {
        if (isPresent[i] === 0) return
        doubles[timesPtr / 8 + count] = dayMs * 20_000 + (timesMs[i] ?? 0)
        doubles[valuesPtr / 8 + count] = value
        count++
      })
      let length = 0
      const encodeMs = fastestMs(3, () => (length = exports.encodeChunk(timesPtr, valuesPtr, count, outPtr, outBytes, scratchPtr)))
      const valuesAt = outPtr + 8 + bytes.readUInt32LE(outPtr + 4)
      const valuesLength = length - (valuesAt - outPtr)
      const kind = bytes[valuesAt + 6] ?? 0
      bytes.copy(bytes, chunksPtr, valuesAt, valuesAt + valuesLength)
      const decodeMs = fastestMs(9, () => exports.decodeValues(chunksPtr, valuesLength, valuesPtr, maxSamples))
      for (const name of ['all series', wayOf(kind)]) {
        const group = groups.get(name) ?? { chunks: 0, samples: 0, bytes: 0, decodeMs: 0, encodeMs: 0 }
        groups.set(name, { chunks: group.chunks + 1, samples: group.samples + count, bytes: group.bytes + valuesLength, decodeMs: group.decodeMs + decodeMs, encodeMs: group.encodeMs + encodeMs })
      }
    }
  }
  printTable(
    'codec: chunks of a day of real samples (decode: values; encode: values and times)',
    ['', 'chunks', 'bits per value', 'decode, samples/s', 'encode, samples/s'],
    [...groups].map(([name, g]) => [name, String(g.chunks), ((8 * g.bytes) / g.samples).toFixed(2), formatCount((g.samples / g.decodeMs) * 1000), formatCount((g.samples / g.encodeMs) * 1000)]),
  )
}

function wayOf(kind: number): string {
  const mapping = kind & 31
  const numbers = mapping === 31 ? 'raw bits' : mapping === 30 ? 'sums of decimals' : mapping === 0 ? 'whole numbers' : 'decimals'
  return `${numbers}, ${(kind & 32) === 0 ? 'packed' : 'runs'}`
}

/** The least of some measurements: the others were disturbed. */
function fastestMs(times: number, work: () => void): number {
  let fastest = Infinity
  for (let k = 0; k < times; k++) {
    const startMs = performance.now()
    work()
    fastest = Math.min(fastest, performance.now() - startMs)
  }
  return fastest
}
