// The exemplars of one target's OpenMetrics bodies. A body shows the same ones scrape after scrape: only what has changed
// since the last one is read, and each series is resolved once.

import type { Exemplar } from '../../../storage/exemplars.ts'
import { sortLabels } from '../../../storage/model/labels.ts'
import { parseGoFloat } from '../text/goFloat.ts'
import { timestampMsOf } from '../text/openMetricsParser.ts'
import { copyOf, keptFactor } from '../text/seriesMemo.ts'

/** One line with an exemplar, as latin1 text of its UTF-8 bytes. */
export type ExemplarLine = {
  /** The series as written, braces included. */
  readonly series: string
  /** From ` # {` to the end of the line. */
  readonly exemplar: string
  /** The type of the metric family that the line stands in. */
  readonly familyType: string
  /** The series of the native histogram that it belongs to, where that is not the series in front of it. */
  readonly histogram?: string
}

/** A native histogram shows several, old ones again and again: that one is late says nothing then. */
export type FoundExemplar = { readonly ref: number; readonly exemplar: Exemplar; readonly isOfHistogram?: boolean }

const none: readonly FoundExemplar[] = []

export class TargetExemplars {
  readonly #series = new Map<string, { readonly ref: number; last: string }>()

  /**
   * What is new in a body scraped at `scrapeMs`. `resolve` gives the series ref, 0 for one that is not stored; the refs of
   * a target's series must stay what they are.
   */
  changed(lines: readonly ExemplarLine[], scrapeMs: number, resolve: (series: Pick<ExemplarLine, 'series' | 'familyType'>) => number): readonly FoundExemplar[] {
    if (lines.length === 0 && this.#series.size === 0) return none
    if (this.#series.size > keptFactor * lines.length) this.#series.clear()
    const found: FoundExemplar[] = []
    for (const line of lines) {
      const key = `${line.familyType} ${line.series} ${line.histogram ?? ''}`
      let series = this.#series.get(key)
      if (series === undefined) this.#series.set(copyOf(key), (series = { ref: resolve(line.histogram === undefined ? line : { series: line.histogram, familyType: line.familyType }), last: '' }))
      if (series.ref === 0 || series.last === line.exemplar) continue
      series.last = copyOf(line.exemplar)
      const exemplar = readExemplar(line.exemplar, scrapeMs)
      const isOfHistogram = line.histogram !== undefined
      // One of several without a time could be from any scrape.
      if (exemplar.hasTimestamp || !isOfHistogram) found.push({ ref: series.ref, exemplar, isOfHistogram })
    }
    // Those of one series in the order of time, which is not that of its buckets.
    return found.sort((a, b) => a.exemplar.timestampMs - b.exemplar.timestampMs)
  }
}

const pair = /(?:([a-zA-Z_][a-zA-Z0-9_]*)|"((?:\\.|[^\\"])*)")="((?:\\.|[^\\"])*)"/g

/** The text is well-formed: openMetrics.ts has checked it. */
function readExemplar(text: string, scrapeMs: number): Exemplar {
  const close = text.lastIndexOf('}')
  const labels = [...text.slice(0, close).matchAll(pair)].map(([, name, quotedName = '', value = '']) => ({ name: name ?? unescape(quotedName), value: unescape(value) }))
  const [valueText = '', timeText] = text.slice(close + 2).split(' ')
  const value = parseGoFloat(valueText)
  const seconds = timeText === undefined ? undefined : parseGoFloat(timeText)
  return {
    labels: sortLabels(labels),
    value: typeof value === 'number' ? value : NaN,
    timestampMs: typeof seconds === 'number' ? timestampMsOf(seconds) : scrapeMs,
    hasTimestamp: seconds !== undefined,
  }
}

function unescape(text: string): string {
  const plain = text.includes('\\') ? text.replace(/\\([\\"n])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped)) : text
  return Buffer.from(plain, 'latin1').toString('utf8')
}
