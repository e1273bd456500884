// convert_classic_histograms_to_nhcb: the series of a classic histogram in a text body become one native histogram with
// custom buckets. Their lines are cut out of the body, and the histograms are handed out beside it, as those of the protobuf
// format are. Parts that do not make a histogram stay the series they are.

import { fromClassic } from './customBuckets.ts'
import type { CreatedLine } from './metadata/createdTimes.ts'
import { emptied } from './protobuf/histogramMessage.ts'
import type { ExposedHistogram } from './protobufExposition.ts'
import { parseSeries } from './text/exposition.ts'
import { bodyText, familiesOf, lineNumber, SampleWalk, without, type FamilyLines, type Range } from './text/familyLines.ts'
import { parseGoFloat } from './text/goFloat.ts'
import { parseOpenMetricsSeries } from './text/openMetricsParser.ts'
import { SeriesMemo } from './text/seriesMemo.ts'
import { seriesText } from './text/seriesText.ts'

export type ConvertOptions = {
  readonly isOpenMetrics: boolean
  /** The classic series stay beside the histogram. */
  readonly keepsClassic: boolean
}

export type Converted = { readonly text: Uint8Array; readonly histograms: readonly ExposedHistogram[] }

/** What a series is to its histogram; `other` is no part of one. */
type Part = {
  readonly kind: 'bucket' | 'sum' | 'count' | 'other'
  /** The series of the histogram as the text format writes it. */
  readonly histogram: string
  /** Of a bucket. */
  readonly bound: number
}

type Gathered = { readonly buckets: [number, number][]; count: number | undefined; sum: number | undefined; timestampMs: number | undefined; readonly lines: Range[] }

/** Converts the bodies of one target. Remembers what its series are. */
export class ClassicHistograms {
  readonly #parts = new SeriesMemo<Part>()
  #converted = new Set<string>()

  /** `body` is in the text format, also when it was OpenMetrics. Throws `ExpositionError`. */
  async convert(body: Uint8Array, options: ConvertOptions): Promise<Converted> {
    const text = bodyText(body)
    this.#parts.begin()
    const histograms: ExposedHistogram[] = []
    const cut: Range[] = []
    this.#converted = new Set()
    const walk = new SampleWalk()
    for (const family of familiesOf(text)) {
      if (family.type !== 'histogram') continue
      for (const [series, gathered] of await this.#gather(walk, text, family, options)) {
        const histogram = fromClassic(gathered)
        if (histogram === undefined) continue
        this.#converted.add(series)
        histograms.push({ series: Buffer.from(series), histogram, timestampMs: gathered.timestampMs })
        if (!options.keepsClassic) cut.push(...gathered.lines)
      }
    }
    return { text: without(body, cut), histograms }
  }

  /** The histogram of the last body that the series has become a part of; both as one character per byte. */
  histogramOf(series: string): string | undefined {
    const part = this.#parts.peek(series)
    return part !== undefined && part.kind !== 'other' && this.#converted.has(part.histogram) ? Buffer.from(part.histogram).toString('latin1') : undefined
  }

  /** The times at which the series of the last body were created, of the histograms where those replace them or stand beside them. */
  createdOf(created: readonly CreatedLine[], { histograms }: Converted, keepsClassic: boolean): CreatedLine[] {
    const madeOf = new Map(histograms.map(({ series, histogram }) => [series.toString('latin1'), histogram]))
    const noted = new Set<string>()
    return created.flatMap((line) => {
      const series = this.histogramOf(line.series)
      const histogram = series === undefined ? undefined : madeOf.get(series)
      if (series === undefined || histogram === undefined) return [line]
      const own = noted.has(series) ? [] : [{ ...line, series, histogram: emptied(histogram) }]
      noted.add(series)
      return keepsClassic ? [line, ...own] : own
    })
  }

  async #gather(walk: SampleWalk, text: string, family: FamilyLines, options: ConvertOptions): Promise<Map<string, Gathered>> {
    const found = new Map<string, Gathered>()
    await walk.each(text, family, ({ series, value, timestampMs, start, end }) => {
      const part = this.#parts.get(series, () => partOf(series, family.name, options, () => lineNumber(text, start)))
      if (part.kind === 'other') return
      let one = found.get(part.histogram)
      if (one === undefined) found.set(part.histogram, (one = { buckets: [], count: undefined, sum: undefined, timestampMs: undefined, lines: [] }))
      if (part.kind === 'bucket') one.buckets.push([part.bound, value])
      else one[part.kind] = value
      one.timestampMs = timestampMs ?? one.timestampMs
      one.lines.push({ start, end })
    })
    return found
  }
}

const noPart: Part = { kind: 'other', histogram: '', bound: 0 }

function partOf(series: string, family: string, { isOpenMetrics }: ConvertOptions, line: () => number): Part {
  const parse = isOpenMetrics ? parseOpenMetricsSeries : parseSeries
  const [name, ...labels] = parse(Buffer.from(series, 'latin1'), 'histogram', line())
  const kind = (['bucket', 'sum', 'count'] as const).find((suffix) => name?.value === `${family}_${suffix}`)
  if (kind === undefined) return noPart
  const le = labels.find((label) => label.name === 'le')
  const own = labels.filter((label) => label.name !== 'le').sort((a, b) => (a.name < b.name ? -1 : 1))
  const bound = kind === 'bucket' ? parseGoFloat(le?.value ?? '') : 0
  if (typeof bound === 'string') return noPart
  return { kind, bound, histogram: seriesText(family, own.map((label) => [label.name, label.value] as const)) }
}
