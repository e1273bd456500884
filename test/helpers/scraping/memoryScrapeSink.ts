// A slow, obvious place for scraped samples: maps and arrays. The model in tests of scraping, for what a scrape cache
// over the real head must do.

import { parseTextExposition } from '../../../ingest/exposition/text/exposition.ts'
import type { ScrapeCache, ScrapeCommit, UnknownSeries } from '../../../ingest/scrape/reading/scrapeCache.ts'
import type { ScrapeSink } from '../../../ingest/scrape/reading/scrapeSink.ts'
import { formatLabels, type Labels } from '../../../storage/model/labels.ts'

type Staged = { ref: number; timestampMs: number; value: number | 'stale' }

export type MemorySink = ScrapeSink & {
  /** `time value` of every stored sample, by series as text. */
  series(): Record<string, string[]>
  readonly openCaches: number
}

export function createMemorySink(): MemorySink {
  const names: string[] = ['']
  const stored: Staged[][] = [[]]
  let openCaches = 0
  const refOf = (labels: Labels) => {
    const text = formatLabels(labels)
    const known = names.indexOf(text)
    if (known > 0) return known
    stored.push([])
    return names.push(text) - 1
  }
  const store = (samples: readonly Staged[]): ScrapeCommit => {
    const outcome = { stored: 0, duplicate: 0, outOfOrder: 0, outOfBounds: 0, logged: Promise.resolve() }
    for (const sample of samples) {
      const list = stored[sample.ref] ?? []
      const last = list.at(-1)
      if (last !== undefined && sample.timestampMs < last.timestampMs) outcome.outOfOrder++
      else if (last?.timestampMs === sample.timestampMs) outcome.duplicate += Object.is(last.value, sample.value) ? 0 : 1
      else {
        list.push(sample)
        if (sample.value !== 'stale') outcome.stored++
      }
    }
    return outcome
  }
  return {
    readBuffer: undefined,
    refOf,
    appendExemplar: () => 'disabled',
    appendZeros: async (zeros) => void store(zeros.map(({ labels, timestampMs }) => ({ ref: refOf(labels), timestampMs, value: 0 }))),
    createCache: () => {
      openCaches++
      return createMemoryCache(store, () => openCaches--)
    },
    series: () =>
      Object.fromEntries(names.map((name, ref) => [name, (stored[ref] ?? []).map((one) => `${one.timestampMs} ${one.value}`)]).slice(1)),
    get openCaches() {
      return openCaches
    },
  }
}

function createMemoryCache(store: (samples: readonly Staged[]) => ScrapeCommit, onClose: () => void): ScrapeCache {
  const refs = new Map<string, number>()
  let live = new Set<number>()
  let seen = new Map<number, boolean>()
  let texts = new Set<string>()
  let parsed: Staged[] = []
  let appended: Staged[] = []
  let metadataBefore = ''
  const rollback = () => {
    parsed = []
    appended = []
  }
  return {
    parse(body, timestampMs, { honorTimestamps, trackTimestampsStaleness }, resolve) {
      const metadata: { kind: 'type' | 'help' | 'unit'; name: string; text: string }[] = []
      let familyType = ''
      let sampleCount = 0
      let addedCount = 0
      parsed = []
      seen = new Map()
      texts = new Set()
      parseTextExposition(body, {
        metadata: (kind, name, text) => {
          if (kind === 'type') familyType = text
          metadata.push({ kind, name, text })
        },
        sample: (sample) => {
          sampleCount++
          let ref = refs.get(sample.text)
          if (ref === undefined) {
            const unknown: UnknownSeries = { text: sample.text, bytes: Buffer.from(sample.text), line: sample.line, familyType }
            refs.set(sample.text, (ref = resolve(unknown)))
            if (ref > 0) addedCount++
          }
          texts.add(sample.text)
          if (ref === 0) return
          const isTimed = honorTimestamps && sample.timestampMs !== undefined
          parsed.push({ ref, timestampMs: isTimed ? (sample.timestampMs ?? 0) : timestampMs, value: sample.value })
          seen.set(ref, !isTimed || trackTimestampsStaleness === true)
        },
      })
      const metadataNow = JSON.stringify(metadata)
      const metadataChanged = metadataNow !== metadataBefore
      metadataBefore = metadataNow
      const scrapeTimeMs = timestampMs
      const gone = [...live].filter((ref) => !seen.has(ref))
      appended.push(...gone.map((ref) => ({ ref, timestampMs: scrapeTimeMs, value: 'stale' as const })))
      return { sampleCount, keptCount: parsed.length, addedCount, metadata: metadataChanged ? metadata : undefined }
    },
    append: (ref, timestampMs, value) => void appended.push({ ref, timestampMs, value }),
    appendHistogram: () => {
      throw new Error('bug: the model stores no histograms')
    },
    eachStaged: (visit) => parsed.forEach(({ ref, timestampMs, value }) => visit(ref, timestampMs, Number(value))),
    noteStarts: () => {
      throw new Error('bug: the model stores no start timestamps')
    },
    appendStale: (ref, timestampMs) => void appended.push({ ref, timestampMs, value: 'stale' }),
    commit() {
      const outcome = store([...parsed, ...appended])
      live = new Set([...seen].filter(([, isTracked]) => isTracked).map(([ref]) => ref))
      for (const text of refs.keys()) if (!texts.has(text)) refs.delete(text)
      rollback()
      return outcome
    },
    commitFailed(timestampMs) {
      const outcome = store([...[...live].map((ref) => ({ ref, timestampMs, value: 'stale' as const })), ...appended])
      live = new Set()
      rollback()
      return outcome
    },
    rollback,
    liveRefs: () => Uint32Array.from(live),
    close: onClose,
  }
}
