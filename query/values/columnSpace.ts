// Where columns lie while a query computes: scratch memory that the WebAssembly kernels reach, the same memory that a
// worker's samples are read into, so that those are used in place. Values that come from elsewhere are copied in.

import { Arena } from '../../src/kernels/arena.ts'
import { createKernelMemory, createKernels, loadKernelModule, type KernelExports, type Kernels, type Pointer } from '../../src/kernels/kernels.ts'
import { powersOfTen } from '../../src/kernels/powersOfTen.ts'

/** One entry per step. `present[i]` is 1 where `values[i]` counts. */
export type Columns = { readonly values: Float64Array; readonly present: Uint8Array }

type Column = Float64Array | Int32Array | Uint8Array

const blockBytes = 256 * 1024
/** A worker does not let go of the shared memory that a query has needed, so what goes beyond is kept elsewhere. */
export const maxSpaceBytes = 64 * 1024 * 1024
/** What took more than this is given back before the next query. */
const keptBytes = 4 * maxSpaceBytes

export class ColumnSpace {
  readonly #kernels: Kernels
  readonly #arena: Arena
  /** The memory's buffers so far: when it grows it gets a new one, over the same bytes. */
  readonly #buffers = new WeakSet<ArrayBufferLike>()
  #latest: ArrayBufferLike | undefined
  #round = 0
  readonly #slots = new Map<string, { readonly at: Pointer; readonly bytes: number }>()

  constructor(kernels: Kernels) {
    this.#kernels = kernels
    this.#arena = new Arena(kernels, blockBytes)
  }

  /** Another number after each `reset`. */
  get round(): number {
    return this.#round
  }

  /** Whether kernels over `memory` reach what is given out here. */
  isIn(memory: WebAssembly.Memory): boolean {
    return this.#kernels.memory === memory
  }

  get exports(): KernelExports {
    return this.#kernels.exports
  }

  get bytes(): Buffer {
    return this.#kernels.bytes
  }

  /** Everything given out before may be overwritten. Between two queries. */
  reset(): void {
    this.#round++
    if (this.#arena.usedBytes > keptBytes) this.#arena.close()
    this.#arena.reset()
    this.#slots.clear()
  }

  /** Of what was given out since `reset`. */
  get usedBytes(): number {
    return this.#arena.usedBytes
  }

  /** Gives the memory back. */
  close(): void {
    this.reset()
    this.#arena.close()
  }

  /** Memory at a multiple of 16, with anything in it. */
  allocate(bytes: number): Pointer {
    return this.#arena.allocate(bytes)
  }

  /** The column at an address, as it is. */
  doublesAt(at: Pointer, count: number): Float64Array {
    return new Float64Array(this.#buffer(), at, count)
  }

  integersAt(at: Pointer, count: number): Int32Array {
    return new Int32Array(this.#buffer(), at, count)
  }

  wordsAt(at: Pointer, count: number): Uint32Array {
    return new Uint32Array(this.#buffer(), at, count)
  }

  flagsAt(at: Pointer, count: number): Uint8Array {
    return new Uint8Array(this.#buffer(), at, count)
  }

  /** All 0. */
  doubles(count: number): Float64Array {
    return this.doublesAt(this.#arena.allocate(8 * count), count).fill(0)
  }

  integers(count: number): Int32Array {
    return this.integersAt(this.#arena.allocate(4 * count), count).fill(0)
  }

  flags(count: number): Uint8Array {
    return this.flagsAt(this.#arena.allocate(count), count).fill(0)
  }

  /** Nothing present. */
  columns(count: number): Columns {
    return { values: this.doubles(count), present: this.flags(count) }
  }

  /** Memory of at least `bytes` under a name; asking again gives the same, with anything in it. */
  slot(name: string, bytes: number): Pointer {
    const known = this.#slots.get(name)
    if (known !== undefined && known.bytes >= bytes) return known.at
    const capacity = Math.max(bytes, 2 * (known?.bytes ?? 0))
    const at = this.#arena.allocate(capacity)
    this.#slots.set(name, { at, bytes: capacity })
    return at
  }

  /** The address of a column that was made here. */
  addressOf(column: Column): Pointer {
    const address = this.#addressIn(column)
    if (address === undefined) throw new Error('bug: a column to be written lies outside the kernels\' memory')
    return address
  }

  /** Where kernels can read the first `length` entries: in place, or copied to the slot. */
  place(name: string, column: Column, length: number): Pointer {
    const address = this.#addressIn(column)
    if (address !== undefined) return address
    const bytes = length * column.BYTES_PER_ELEMENT
    const at = this.slot(name, bytes)
    bytesOf(column).copy(this.bytes, at, 0, bytes)
    return at
  }

  #addressIn(column: Column): Pointer | undefined {
    return column.buffer === this.#latest || column.buffer === this.#buffer() || this.#buffers.has(column.buffer) ? column.byteOffset : undefined
  }

  #buffer(): ArrayBufferLike {
    const { buffer } = this.#kernels
    if (buffer !== this.#latest) this.#buffers.add(buffer)
    this.#latest = buffer
    return buffer
  }
}

/** `set` and `slice` go word by word where memory is shared, which takes seven times as long. */
export function copyColumn(from: Column, to: Column): void {
  bytesOf(from).copy(bytesOf(to))
}

/** The columns outside the kernels' memory. */
export function copyOf({ values, present }: Columns): Columns {
  const copy = { values: new Float64Array(values.length), present: new Uint8Array(present.length) }
  copyColumn(values, copy.values)
  copyColumn(present, copy.present)
  return copy
}

function bytesOf({ buffer, byteOffset, byteLength }: Column): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

/** A space of its own, where there is no head to share memory with. */
export function createColumnSpace(): ColumnSpace {
  const kernels = createKernels(loadKernelModule(), createKernelMemory())
  new BigUint64Array(kernels.memory.buffer).set(powersOfTen(), kernels.exports.powersOfTenAddress() / 8)
  return new ColumnSpace(kernels)
}
