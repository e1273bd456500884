// Sizes as text: `10MB`, `512MiB`, `1.5GB`. As in Prometheus, both spellings of a unit mean the power of two.

const unitBytes: Readonly<Record<string, number>> = {
  B: 1,
  KB: 2 ** 10,
  MB: 2 ** 20,
  GB: 2 ** 30,
  TB: 2 ** 40,
  PB: 2 ** 50,
  EB: 2 ** 60,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  PiB: 2 ** 50,
  EiB: 2 ** 60,
}

/** Reads a size; `0` needs no unit, anything else does. `undefined` when it is no size or too large to hold. */
export function parseBytes(text: string): number | undefined {
  if (text === '0') return 0
  if (!/^(?:(?:\d+\.?\d*|\.\d+)[A-Za-z]+)+$/.test(text)) return undefined
  let total = 0
  for (const [, count, unit] of text.matchAll(/(\d+\.?\d*|\.\d+)([A-Za-z]+)/g)) {
    const size = unitBytes[unit ?? '']
    if (size === undefined) return undefined
    total += Number(count) * size
  }
  return total < 2 ** 63 ? Math.floor(total) : undefined
}

/** Prints a size with the largest units that keep it exact: `1GiB512MiB`, zero is `0B`. */
export function formatBytes(bytes: number): string {
  if (bytes === 0) return '0B'
  let rest = bytes
  let text = ''
  for (const unit of ['EiB', 'PiB', 'TiB', 'GiB', 'MiB', 'KiB', 'B']) {
    const size = unitBytes[unit] ?? 1
    const count = Math.floor(rest / size)
    if (count > 0) text += `${count}${unit}`
    rest -= count * size
  }
  return text
}
