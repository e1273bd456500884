// The label of the hidden series that hold start timestamps, __start_of__, as bytes: the module can have no static data.

export const START_LABEL_BYTES: u32 = 12
export const START_LABEL_LOW: u64 = 0x5f74726174735f5f // "__start_"
export const START_LABEL_HIGH: u32 = 0x5f5f666f // "of__"

export function writeStartLabel(at: usize): void {
  store<u64>(at, START_LABEL_LOW)
  store<u32>(at, START_LABEL_HIGH, 8)
}
