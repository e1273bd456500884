// Labels as bytes, the form in which a series' labels go to disk and into the kernels: varint pair count, then per pair
// varint length and UTF-8 bytes of the name and of the value. Sorted by name, no empty value.

import type { Label, Labels } from '../model/labels.ts'

/** The bytes are the caller's. */
export function encodeLabels(labels: Labels): Uint8Array {
  let bytes = 5
  for (const { name, value } of labels) bytes += 10 + 3 * (name.length + value.length)
  const out = Buffer.allocUnsafe(bytes)
  let at = writeVarint(out, 0, labels.length)
  for (const { name, value } of labels) {
    at = writeText(out, at, name)
    at = writeText(out, at, value)
  }
  return out.subarray(0, at)
}

/** Throws when the bytes are not whole. */
export function decodeLabels(bytes: Uint8Array): Labels {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const readVarint = () => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = buffer[at++]
      if (byte === undefined || scale > 2 ** 28) throw new Error('label bytes end in the middle')
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }
  const readText = () => {
    const length = readVarint()
    if (length > buffer.length - at) throw new Error('label bytes end in the middle')
    return buffer.toString('utf8', at, (at += length))
  }
  const labels: Label[] = []
  for (let left = readVarint(); left > 0; left--) labels.push({ name: readText(), value: readText() })
  if (at !== buffer.length) throw new Error('label bytes go on after the last label')
  return labels
}

function writeVarint(out: Buffer, at: number, value: number): number {
  while (value >= 0x80) {
    out[at++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  out[at++] = value
  return at
}

function writeText(out: Buffer, at: number, text: string): number {
  // One byte of length is the rule; a longer text moves up once its length is known.
  const length = out.write(text, at + 1)
  if (length < 0x80) {
    out[at] = length
    return at + 1 + length
  }
  const moved = writeVarint(out, at, length)
  out.write(text, moved)
  return moved + length
}
