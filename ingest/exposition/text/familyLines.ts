// A body in the text format as metric families and their sample lines, for what must see all lines of a family at once. What
// is no clean sample is passed over: the scrape cache says what is wrong with it. Texts have one character per byte.

import { Breather } from '../../../src/base/breather.ts'
import { metadataName } from './expositionLexer.ts'
import { parseGoFloat } from './goFloat.ts'

export type Range = { readonly start: number; readonly end: number }

/** From the line after a TYPE line to the next one. */
export type FamilyLines = Range & { readonly name: string; readonly type: string }

export type SampleLine = Range & {
  /** As written, braces included. */
  readonly series: string
  readonly value: number
  readonly timestampMs: number | undefined
}

const typeLine = /^[ \t]*#[ \t]+TYPE[ \t]+("(?:\\.|[^"\\\n])*"|[^ \t\n]+)[ \t]+([^\n]*)$/gm
const braces = String.raw`\{[^"\n}]*(?:"(?:\\[^\n]|[^"\\\n])*"[^"\n}]*)*\}`
const sampleLine = new RegExp(String.raw`[ \t]*([a-zA-Z_:][a-zA-Z0-9_:]*(?:[ \t]*${braces})?|${braces})[ \t]*([^ \t\n]+)(?:[ \t]+([0-9]+))?[ \t]*\n`, 'y')

/** One character per byte. */
export function bodyText(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1')
}

/** What lies before the first TYPE line is of no family. */
export function* familiesOf(text: string): Generator<FamilyLines> {
  let family: { readonly name: string; readonly type: string; readonly start: number } | undefined
  for (const { index, 0: line, 1: name = '', 2: type = '' } of text.matchAll(typeLine)) {
    if (family !== undefined) yield { ...family, end: index }
    family = { name: metadataName(name), type, start: index + line.length + 1 }
  }
  if (family !== undefined) yield { ...family, end: text.length }
}

function* samplesOf(text: string, { start, end }: Range): Generator<SampleLine> {
  for (let at = start; at < end; ) {
    sampleLine.lastIndex = at
    const match = sampleLine.exec(text)
    if (match === null) {
      const lineEnd = text.indexOf('\n', at)
      if (lineEnd < 0) return
      at = lineEnd + 1
      continue
    }
    const [line, series = '', valueText = '', timestamp] = match
    const value = parseGoFloat(valueText)
    if (typeof value === 'number') yield { start: at, end: at + line.length, series, value, timestampMs: timestamp === undefined ? undefined : Number(timestamp) }
    at += line.length
  }
}

/** How many lines go by between two looks at the clock. */
const linesPerLook = 256

/** Visits sample lines with pauses in which the event loop runs; one walk for all families of a body. */
export class SampleWalk {
  readonly #breather = new Breather()
  #lines = 0

  async each(text: string, range: Range, visit: (sample: SampleLine) => void): Promise<void> {
    for (const sample of samplesOf(text, range)) {
      visit(sample)
      if (++this.#lines % linesPerLook === 0 && this.#breather.isDue()) await this.#breather.take()
    }
  }
}

/** Counts from 1. */
export function lineNumber(text: string, end: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at >= 0 && at < end; at = text.indexOf('\n', at + 1)) line++
  return line
}

/** The body without some of its lines; the body itself when there are none. */
export function without(body: Uint8Array, cut: readonly Range[]): Uint8Array {
  if (cut.length === 0) return body
  const kept: Uint8Array[] = []
  let at = 0
  for (const { start, end } of [...cut].sort((a, b) => a.start - b.start)) {
    if (start > at) kept.push(body.subarray(at, start))
    at = end
  }
  kept.push(body.subarray(at))
  return Buffer.concat(kept)
}
