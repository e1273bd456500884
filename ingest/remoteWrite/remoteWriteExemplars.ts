// The exemplars of a remote-write body, which the kernel lists and does not read: they are few, and their labels are text.

import { setImmediate } from 'node:timers/promises'
import protobuf from 'protobufjs/minimal.js'
import type { Kernels } from '../../src/kernels/kernels.ts'
import type { Exemplar } from '../../storage/exemplars.ts'
import { sortLabels, type Label } from '../../storage/model/labels.ts'
import type { FoundExemplar } from '../exposition/metadata/scrapeExemplars.ts'

// Layout of the kernel's state and of its list, as in assembly/ingest/remoteWrite.ts.
const countAt = 88
const listAt = 120
const entryBytes = 12

/** Exemplars read between two looks at the event loop: about a millisecond. */
const sliceLength = 500

/** Those of known series that can be read, in the order of the body. `write` must not be freed before this resolves. */
export async function readExemplars(kernels: Kernels, write: number): Promise<FoundExemplar[]> {
  const found: FoundExemplar[] = []
  const count = kernels.word(write + countAt)
  for (let i = 0; i < count; i++) {
    if (i > 0 && i % sliceLength === 0) await setImmediate()
    const entry = kernels.word(write + listAt) + i * entryBytes
    const ref = kernels.word(entry)
    if (ref === 0) continue
    const from = kernels.word(entry + 4)
    const exemplar = decodeExemplar(kernels.bytes.subarray(from, from + kernels.word(entry + 8)))
    if (exemplar !== undefined) found.push({ ref, exemplar })
  }
  return found
}

function decodeExemplar(message: Uint8Array): Exemplar | undefined {
  const labels: Label[] = []
  let value = 0
  let timestampMs = 0
  try {
    // A copy, as text cannot be decoded out of shared memory.
    const reader = protobuf.Reader.create(Uint8Array.from(message))
    while (reader.pos < reader.len) {
      const tag = reader.uint32()
      if (tag >>> 3 === 1) labels.push(readLabel(reader))
      else if (tag >>> 3 === 2) value = reader.double()
      else if (tag >>> 3 === 3) timestampMs = Number(reader.int64())
      else reader.skipType(tag & 7)
    }
  } catch {
    return undefined
  }
  return { labels: sortLabels(labels), value, timestampMs, hasTimestamp: timestampMs !== 0 }
}

function readLabel(reader: protobuf.Reader): Label {
  const end = reader.uint32() + reader.pos
  let name = ''
  let value = ''
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag >>> 3 === 1) name = reader.string()
    else if (tag >>> 3 === 2) value = reader.string()
    else reader.skipType(tag & 7)
  }
  return { name, value }
}
