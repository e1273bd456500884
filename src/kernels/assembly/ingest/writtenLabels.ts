// What the parts of rewriting a remote-write message share: its symbols, and labels in the form of protocol 1.0.

import { varintLength } from '../base/bytes'

/** Where the state has its symbols: a growing array of { pointer u32, length u32 }. */
export const V_SYMBOLS: usize = 20
export const V_SYMBOL_COUNT: usize = 24

// Tags of prometheus.WriteRequest: field number << 3 | wire type.
export const V1_LABEL: u8 = 0x0a
export const V1_LABEL_NAME: u8 = 0x0a
export const V1_LABEL_VALUE: u8 = 0x12

// @ts-ignore: decorator
@inline
export function symbolText(state: usize, symbol: u32): usize {
  return load<u32>(<usize>load<u32>(state, V_SYMBOLS) + (<usize>symbol << 3))
}

// @ts-ignore: decorator
@inline
export function symbolLength(state: usize, symbol: u32): u32 {
  return load<u32>(<usize>load<u32>(state, V_SYMBOLS) + (<usize>symbol << 3), 4)
}

/** Bytes of a label's message whose name and value have so many. */
// @ts-ignore: decorator
@inline
export function labelSize(name: u64, value: u64): u64 {
  return 2 + <u64>varintLength(name) + name + <u64>varintLength(value) + value
}
