// HELP, TYPE and UNIT of one target's metrics, for people and the metadata API. Not stored.

export type MetricMetadata = { readonly type: string; readonly help: string; readonly unit: string }

export type MetadataLine = { readonly kind: 'type' | 'help' | 'unit'; readonly name: string; readonly text: string }

/** What a metric says of itself is kept this many scrapes after its lines have gone, as a metric may come and go. */
const keptScrapes = 10

/** What one body says of its metrics. */
type Shown = ReadonlyMap<string, MetricMetadata>

/** By the object of their lines: targets whose lines are the same object have one map. */
const shownBy = new WeakMap<readonly MetadataLine[], Shown>()

export class TargetMetadata {
  /** Kept, so that other targets with the same can have them. */
  #lines: readonly MetadataLine[] = []
  #shown: Shown = new Map()
  readonly #gone = new Map<string, { readonly metadata: MetricMetadata; readonly atScrape: number }>()
  #scrape = 0

  /** After each scrape; `lines` is what the body says, or `undefined` when that has not changed. */
  update(lines: readonly MetadataLine[] | undefined): void {
    this.#scrape++
    if (lines !== undefined && lines !== this.#lines) this.#replace(lines)
    if (this.#gone.size > 0) for (const [name, { atScrape }] of this.#gone) if (this.#scrape - atScrape >= keptScrapes) this.#gone.delete(name)
  }

  entries(): ReadonlyMap<string, MetricMetadata> {
    if (this.#gone.size === 0) return this.#shown
    return new Map([...this.#shown, ...[...this.#gone].map(([name, { metadata }]) => [name, metadata] as const)])
  }

  /** Length of all texts, as Prometheus counts the size of its cache. */
  bytes(): number {
    let bytes = 0
    for (const { type, help, unit } of this.entries().values()) bytes += type.length + help.length + unit.length
    return bytes
  }

  #replace(lines: readonly MetadataLine[]): void {
    const before = this.#shown
    this.#lines = lines
    this.#shown = shownIn(lines)
    for (const [name, metadata] of before) if (!this.#shown.has(name)) this.#gone.set(name, { metadata, atScrape: this.#scrape })
    for (const name of this.#gone.keys()) if (this.#shown.has(name)) this.#gone.delete(name)
  }
}

function shownIn(lines: readonly MetadataLine[]): Shown {
  const known = shownBy.get(lines)
  if (known !== undefined) return known
  const shown = new Map<string, { type: string; help: string; unit: string }>()
  for (const { kind, name, text } of lines) {
    let entry = shown.get(name)
    if (entry === undefined) shown.set(name, (entry = { type: 'unknown', help: '', unit: '' }))
    entry[kind] = kind === 'type' && text === 'untyped' ? 'unknown' : text
  }
  shownBy.set(lines, shown)
  return shown
}

/** Most kinds of bodies that are known at a time. */
const maxKnown = 256

/** The lines of bodies by a fingerprint of their comments: many targets are of one kind and say the same, which is read and kept once. */
export class KnownMetadata {
  readonly #lines = new Map<string, WeakRef<readonly MetadataLine[]>>()

  find(fingerprint: string): readonly MetadataLine[] | undefined {
    return this.#lines.get(fingerprint)?.deref()
  }

  /** They are known as long as some target has them. */
  add(fingerprint: string, lines: readonly MetadataLine[]): void {
    if (this.#lines.size >= maxKnown) for (const [key, known] of this.#lines) if (known.deref() === undefined || this.#lines.size >= maxKnown) this.#lines.delete(key)
    this.#lines.set(fingerprint, new WeakRef(lines))
  }
}
