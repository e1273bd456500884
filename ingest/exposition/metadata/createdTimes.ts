// When counters were created, as targets say it: in the protobuf format, or as a series `_created` of OpenMetrics. With
// --enable-feature=created-timestamp-zero-ingestion a sample of zero is stored for that time once, so that `increase` sees what was counted
// before the first scrape; with --enable-feature=st-storage it is kept beside every sample.

import { labelValue, metricNameLabel, type Label, type Labels } from '../../../storage/model/labels.ts'
import type { WireHistogram } from '../protobuf/histogramMessage.ts'
import { bodyText, familiesOf, lineNumber, SampleWalk, without, type FamilyLines, type Range } from '../text/familyLines.ts'
import { parseOpenMetricsSeries, timestampMsOf } from '../text/openMetricsParser.ts'
import { SeriesMemo } from '../text/seriesMemo.ts'

/** What becomes of the time at which a counter was created: a zero at that time, the start timestamp of each sample, or both. */
export type CreatedUse = {
  readonly becomesZero?: boolean
  readonly becomesStart?: boolean
  /** Scraped counters that do not say it get a start timestamp, too, see synthesizedStarts.ts. */
  readonly isSynthesized?: boolean
}

/** As the kernels know it, see CREATED_ZERO and CREATED_START in assembly/batch/startTimes.ts. */
export function createdFlags({ becomesZero = false, becomesStart = false }: CreatedUse): number {
  return (becomesZero ? 1 : 0) | (becomesStart ? 2 : 0)
}

export type CreatedLine = {
  /** As the format writes it, one character per byte. */
  readonly series: string
  readonly familyType: string
  readonly createdMs: number
  /** A native histogram whose counts are all zero, for one. */
  readonly histogram?: WireHistogram
}

/** Counters that are older are watched for the first time, or again after a break; nobody asks for what they counted before. */
const maxAgeMs = 3_600_000

/** What is known of one target's series. */
export class CreatedTimes {
  readonly #known = new SeriesMemo<{ createdMs: number }>()

  /** Those of the lines that are new, or whose counter was created again, before the scrape. */
  changed(lines: readonly CreatedLine[], scrapeMs: number): readonly CreatedLine[] {
    this.#known.begin()
    if (lines.length === 0) return lines
    return lines.filter(({ series, createdMs }) => {
      if (createdMs >= scrapeMs) return false
      const known = this.#known.get(series, () => ({ createdMs: 0 }))
      const isNew = createdMs > scrapeMs - maxAgeMs && known.createdMs !== createdMs
      known.createdMs = createdMs
      return isNew
    })
  }
}

/** Which series the times of one target belong to. */
export class CreatedLabels {
  readonly #known = new SeriesMemo<{ readonly labels: Labels | undefined }>()

  /** The labels of each line, which `resolve` gives for one that is new; those without are left out. */
  of(lines: readonly CreatedLine[], resolve: (line: CreatedLine) => Labels | undefined): { readonly labels: Labels; readonly createdMs: number }[] {
    this.#known.begin()
    return lines.flatMap((line) => {
      const { labels } = this.#known.get(line.series, () => ({ labels: resolve(line) }))
      return labels === undefined ? [] : [{ labels, createdMs: line.createdMs }]
    })
  }
}

/** What a series is in a family whose members are counted from the same time. */
type Member = {
  /** The same for all series of one counter, histogram or summary. */
  readonly key: string
  readonly isTime: boolean
  /** A quantile is not counted. */
  readonly isCounted: boolean
}

const countingTypes: ReadonlySet<string> = new Set(['counter', 'histogram', 'summary'])

/** Takes the series `_created` out of the OpenMetrics bodies of one target. */
export class CreatedSeries {
  readonly #members = new SeriesMemo<Member>()

  /** `body` is in the text format. Throws `ExpositionError`. */
  async take(body: Uint8Array): Promise<{ readonly text: Uint8Array; readonly created: readonly CreatedLine[] }> {
    const text = bodyText(body)
    this.#members.begin()
    const created: CreatedLine[] = []
    const cut: Range[] = []
    const walk = new SampleWalk()
    for (const family of familiesOf(text)) {
      if (!countingTypes.has(family.type)) continue
      const byKey = new Map<string, { createdMs: number | undefined; readonly series: string[] }>()
      await walk.each(text, family, ({ series, value, start, end }) => {
        const member = this.#members.get(series, () => memberOf(series, family, () => lineNumber(text, start)))
        let one = byKey.get(member.key)
        if (one === undefined) byKey.set(member.key, (one = { createdMs: undefined, series: [] }))
        if (member.isCounted) one.series.push(series)
        if (!member.isTime) return
        one.createdMs = timestampMsOf(value)
        cut.push({ start, end })
      })
      for (const { createdMs, series } of byKey.values()) {
        if (createdMs !== undefined) created.push(...series.map((one) => ({ series: one, familyType: family.type, createdMs })))
      }
    }
    return { text: without(body, cut), created }
  }
}

function memberOf(series: string, family: FamilyLines, line: () => number): Member {
  const labels = parseOpenMetricsSeries(Buffer.from(series, 'latin1'), family.type, line())
  const isQuantile = family.type === 'summary' && labels.some(({ name }) => name === 'quantile')
  const isOwn = ({ name }: Label) => name !== metricNameLabel && !(family.type === 'histogram' && name === 'le') && !(isQuantile && name === 'quantile')
  const own = labels.filter(isOwn).map(({ name, value }) => `${name}\xff${value}`)
  const isTime = labelValue(labels, metricNameLabel) === `${family.name}_created`
  return { key: own.sort().join('\xff'), isTime, isCounted: !isTime && !isQuantile }
}
