// HELP, TYPE and UNIT of one target's metrics, for people and the metadata API. Not stored.

export type MetricMetadata = { readonly type: string; readonly help: string; readonly unit: string }

export type MetadataLine = { readonly kind: 'type' | 'help' | 'unit'; readonly name: string; readonly text: string }

/** What a metric says of itself is kept this many scrapes after its lines have gone, as a metric may come and go. */
const keptScrapes = 10

type Entry = MetricMetadata & { goneAtScrape: number | undefined }

export class TargetMetadata {
  readonly #entries = new Map<string, Entry>()
  #scrape = 0

  /** After each scrape; `lines` is what the body says, or `undefined` when that has not changed. */
  update(lines: readonly MetadataLine[] | undefined): void {
    this.#scrape++
    if (lines !== undefined) this.#replace(lines)
    for (const [name, entry] of this.#gone) if (this.#scrape - (entry.goneAtScrape ?? this.#scrape) >= keptScrapes) this.#forget(name)
  }

  entries(): ReadonlyMap<string, MetricMetadata> {
    return this.#entries
  }

  /** Length of all texts, as Prometheus counts the size of its cache. */
  bytes(): number {
    let bytes = 0
    for (const { type, help, unit } of this.#entries.values()) bytes += type.length + help.length + unit.length
    return bytes
  }

  readonly #gone = new Map<string, Entry>()

  #replace(lines: readonly MetadataLine[]): void {
    const next = new Map<string, { type: string; help: string; unit: string }>()
    for (const { kind, name, text } of lines) {
      let entry = next.get(name)
      if (entry === undefined) next.set(name, (entry = { type: 'unknown', help: '', unit: '' }))
      entry[kind] = kind === 'type' && text === 'untyped' ? 'unknown' : text
    }
    for (const [name, entry] of next) {
      this.#entries.set(name, { ...entry, goneAtScrape: undefined })
      this.#gone.delete(name)
    }
    for (const [name, entry] of this.#entries) {
      if (next.has(name) || entry.goneAtScrape !== undefined) continue
      entry.goneAtScrape = this.#scrape
      this.#gone.set(name, entry)
    }
  }

  #forget(name: string): void {
    this.#entries.delete(name)
    this.#gone.delete(name)
  }
}
