// The captured scrapes in test/data/scrapes: real exposition bodies of four exporters, five seconds apart.

import { readFileSync } from 'node:fs'
import { constants, zstdDecompressSync } from 'node:zlib'

export const captureNames = ['node', 'prometheus', 'alertmanager', 'victoriametrics'] as const
export type CaptureName = (typeof captureNames)[number]
export type CapturedScrape = { readonly timestampMs: number; readonly body: string }

/** Reads all scrapes of one exporter, in order of time. */
export function readCapture(name: CaptureName): CapturedScrape[] {
  const packed = readFileSync(new URL(`../../data/scrapes/${name}.txt.zst`, import.meta.url))
  const text = zstdDecompressSync(packed, { params: { [constants.ZSTD_d_windowLogMax]: 27 } }).toString()
  return text
    .split(/^# SCRAPE /m)
    .slice(1)
    .map((scrape) => {
      const lineEnd = scrape.indexOf('\n')
      return { timestampMs: Number(scrape.slice(0, lineEnd)), body: scrape.slice(lineEnd + 1) }
    })
}
