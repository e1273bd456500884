// convert_classic_histograms_to_nhcb: the series of a classic histogram in a text body become one native histogram with
// custom buckets. Their lines are cut out of the body, and the histograms are handed out beside it, as those of the protobuf
// format are. Parts that do not make a histogram stay the series they are.

import { fromClassic } from './customBuckets.ts'
import { parseSeries } from './exposition.ts'
import { metadataName } from './expositionLexer.ts'
import { parseGoFloat } from './goFloat.ts'
import { parseOpenMetricsSeries } from './openMetricsParser.ts'
import type { ExposedHistogram } from './protobufExposition.ts'
import { seriesText } from './seriesText.ts'

export type ConvertOptions = {
  readonly isOpenMetrics: boolean
  /** The classic series stay beside the histogram. */
  readonly keepsClassic: boolean
}

export type Converted = { readonly text: Uint8Array; readonly histograms: readonly ExposedHistogram[] }

/** What a series is to its histogram. */
type Part = {
  readonly kind: 'bucket' | 'sum' | 'count'
  /** The series of the histogram as the text format writes it. */
  readonly histogram: string
  /** Of a bucket. */
  readonly bound: number
}

type Gathered = { readonly buckets: [number, number][]; count: number | undefined; sum: number | undefined; timestampMs: number | undefined; readonly lines: Range[] }

type Range = { readonly start: number; readonly end: number }

const typeLine = /^[ \t]*#[ \t]+TYPE[ \t]+("(?:\\.|[^"\\\n])*"|[^ \t\n]+)[ \t]+([^\n]*)$/gm
const braces = String.raw`\{[^"\n}]*(?:"(?:\\[^\n]|[^"\\\n])*"[^"\n}]*)*\}`
const sampleLine = new RegExp(String.raw`[ \t]*([a-zA-Z_:][a-zA-Z0-9_:]*(?:[ \t]*${braces})?|${braces})[ \t]*([^ \t\n]+)(?:[ \t]+([0-9]+))?[ \t]*\n`, 'y')

/** Converts the bodies of one target. Remembers what its series are. */
export class ClassicHistograms {
  #parts = new Map<string, Part | undefined>()
  #converted = new Set<string>()

  /** `body` is in the text format, also when it was OpenMetrics. Throws `ExpositionError`. */
  convert(body: Uint8Array, options: ConvertOptions): Converted {
    const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1')
    const parts = new Map<string, Part | undefined>()
    const histograms: ExposedHistogram[] = []
    const cut: Range[] = []
    this.#converted = new Set()
    for (const { name, start, end } of familiesOf(text)) {
      for (const [series, gathered] of this.#gather(text, { name, start, end }, parts, options)) {
        const histogram = fromClassic(gathered)
        if (histogram === undefined) continue
        this.#converted.add(series)
        histograms.push({ series: Buffer.from(series), histogram, timestampMs: gathered.timestampMs })
        if (!options.keepsClassic) cut.push(...gathered.lines)
      }
    }
    this.#parts = parts
    return { text: cut.length === 0 ? body : without(body, cut), histograms }
  }

  /** The histogram of the last body that the series has become a part of; both as one character per byte. */
  histogramOf(series: string): string | undefined {
    const part = this.#parts.get(series)
    return part !== undefined && this.#converted.has(part.histogram) ? Buffer.from(part.histogram).toString('latin1') : undefined
  }

  #gather(text: string, family: Range & { readonly name: string }, parts: Map<string, Part | undefined>, options: ConvertOptions): Map<string, Gathered> {
    const found = new Map<string, Gathered>()
    for (let at = family.start; at < family.end; ) {
      sampleLine.lastIndex = at
      const match = sampleLine.exec(text)
      if (match === null) {
        const lineEnd = text.indexOf('\n', at)
        if (lineEnd < 0) break
        at = lineEnd + 1
        continue
      }
      const [line, series = '', valueText = '', timestamp] = match
      const part = this.#parts.has(series) ? this.#parts.get(series) : partOf(series, family.name, options, () => lineNumber(text, at))
      parts.set(series, part)
      const value = parseGoFloat(valueText)
      if (part !== undefined && typeof value === 'number') {
        let one = found.get(part.histogram)
        if (one === undefined) found.set(part.histogram, (one = { buckets: [], count: undefined, sum: undefined, timestampMs: undefined, lines: [] }))
        if (part.kind === 'bucket') one.buckets.push([part.bound, value])
        else one[part.kind] = value
        if (timestamp !== undefined) one.timestampMs = Number(timestamp)
        one.lines.push({ start: at, end: at + line.length })
      }
      at += line.length
    }
    return found
  }
}

/** From the line after `# TYPE name histogram` to the next TYPE line. */
function* familiesOf(text: string): Generator<Range & { readonly name: string }> {
  let family: { readonly name: string; readonly start: number } | undefined
  for (const { index, 0: line, 1: name = '', 2: type = '' } of text.matchAll(typeLine)) {
    if (family !== undefined) yield { ...family, end: index }
    family = type === 'histogram' ? { name: metadataName(name), start: index + line.length + 1 } : undefined
  }
  if (family !== undefined) yield { ...family, end: text.length }
}

function partOf(series: string, family: string, { isOpenMetrics }: ConvertOptions, line: () => number): Part | undefined {
  const parse = isOpenMetrics ? parseOpenMetricsSeries : parseSeries
  const [name, ...labels] = parse(Buffer.from(series, 'latin1'), 'histogram', line())
  const kind = (['bucket', 'sum', 'count'] as const).find((suffix) => name?.value === `${family}_${suffix}`)
  if (kind === undefined) return undefined
  const le = labels.find((label) => label.name === 'le')
  const own = labels.filter((label) => label.name !== 'le').sort((a, b) => (a.name < b.name ? -1 : 1))
  const bound = kind === 'bucket' ? parseGoFloat(le?.value ?? '') : 0
  if (typeof bound === 'string') return undefined
  return { kind, bound, histogram: seriesText(family, own.map((label) => [label.name, label.value] as const)) }
}

function lineNumber(text: string, end: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at >= 0 && at < end; at = text.indexOf('\n', at + 1)) line++
  return line
}

function without(body: Uint8Array, cut: Range[]): Uint8Array {
  const kept: Uint8Array[] = []
  let at = 0
  for (const { start, end } of cut.sort((a, b) => a.start - b.start)) {
    if (start > at) kept.push(body.subarray(at, start))
    at = end
  }
  kept.push(body.subarray(at))
  return Buffer.concat(kept)
}
