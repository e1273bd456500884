// solowatch's own metrics: counters, gauges, summaries and histograms with labels, printed in the text exposition format.
// One registry per process, made by `app.ts` and handed down; there is no global one.

export type LabelValues = Readonly<Record<string, string>>

type Kind = 'counter' | 'gauge' | 'summary' | 'histogram'

type Family = {
  readonly name: string
  readonly help: string
  readonly kind: Kind
  /** Prints the sample lines of the family. */
  print(): string
}

/** A number that only grows, one per label set. */
export type Counter = {
  inc(labels?: LabelValues, by?: number): void
  /** Makes the series exist. Returns `inc` for it, which costs less; good until `remove`. */
  create(labels?: LabelValues): (by?: number) => void
  value(labels?: LabelValues): number
  remove(labels: LabelValues): void
}

/** A number that can be set, one per label set. */
export type Gauge = { set(value: number, labels?: LabelValues): void; value(labels?: LabelValues): number; remove(labels: LabelValues): void }

/** Observations: count, sum and, for a histogram, cumulative buckets; for a summary, quantiles over the last observations. */
export type Distribution = {
  observe(value: number, labels?: LabelValues): void
  /** Makes the series exist with a count of 0, which alerts on rates need. Returns `observe` for them, which costs less; good until `remove`. */
  create(labels?: LabelValues): (value: number) => void
  remove(labels: LabelValues): void
}

export type Sampled = { readonly labels?: LabelValues; readonly value: number }

export class MetricRegistry {
  readonly #families = new Map<string, Family>()

  counter(name: string, help: string): Counter {
    const series = new Series()
    this.#add({ name, help, kind: 'counter', print: () => series.print(name) })
    return {
      inc: (labels = {}, by = 1) => series.add(labels, by),
      create: (labels = {}) => {
        const cell = series.cell(labels)
        return (by = 1) => {
          cell.value += by
        }
      },
      value: (labels = {}) => series.get(labels),
      remove: (labels) => series.delete(labels),
    }
  }

  gauge(name: string, help: string): Gauge {
    const series = new Series()
    this.#add({ name, help, kind: 'gauge', print: () => series.print(name) })
    return {
      set: (value, labels = {}) => series.set(labels, value),
      value: (labels = {}) => series.get(labels),
      remove: (labels) => series.delete(labels),
    }
  }

  /** A metric whose values are read when the metrics are printed; a summary has only its quantiles. */
  sampled(name: string, help: string, kind: 'counter' | 'gauge' | 'summary', sample: () => number | readonly Sampled[]): void {
    this.#add({
      name,
      help,
      kind,
      print: () => {
        const samples = sample()
        const list = typeof samples === 'number' ? [{ value: samples }] : samples
        return list.map((one) => `${name}${formatLabels(one.labels ?? {})} ${formatValue(one.value)}\n`).join('')
      },
    })
  }

  /** `bounds` are the upper bounds of the buckets without `+Inf`, ascending. */
  histogram(name: string, help: string, bounds: readonly number[]): Distribution {
    return this.#distribution<number[]>({ name, help, kind: 'histogram' }, {
      begin: () => bounds.map(() => 0),
      note: ({ kept }, value) => {
        const bucket = bounds.findIndex((bound) => value <= bound)
        if (bucket >= 0) kept[bucket] = (kept[bucket] ?? 0) + 1
      },
      print: ({ labels, kept, count }) => {
        let cumulative = 0
        const line = (le: string, value: number) => `${name}_bucket${formatLabels({ ...labels, le })} ${value}\n`
        return bounds.map((bound, i) => line(formatValue(bound), (cumulative += kept[i] ?? 0))).join('') + line('+Inf', count)
      },
    })
  }

  /** Quantiles are those of the last 500 observations. */
  summary(name: string, help: string, quantiles: readonly number[] = [0.5, 0.9, 0.99]): Distribution {
    const windowLength = 500
    return this.#distribution<number[]>({ name, help, kind: 'summary' }, {
      begin: () => [],
      note: ({ kept, count }, value) => void (kept[count % windowLength] = value),
      print: ({ labels, kept }) => {
        const sorted = [...kept].sort((a, b) => a - b)
        const at = (quantile: number) => sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))] ?? NaN
        return quantiles.map((quantile) => `${name}${formatLabels({ ...labels, quantile: String(quantile) })} ${formatValue(at(quantile))}\n`).join('')
      },
    })
  }

  /** What each label set keeps of its observations besides their count and sum. */
  #distribution<Kept>(
    family: Omit<Family, 'print'>,
    kind: { begin(): Kept; note(observed: Observed<Kept>, value: number): void; print(observed: Observed<Kept>): string },
  ): Distribution {
    const all = new Map<string, Observed<Kept>>()
    const { name } = family
    this.#add({
      ...family,
      print: () => {
        let text = ''
        for (const one of all.values()) {
          const labels = formatLabels(one.labels)
          text += `${kind.print(one)}${name}_sum${labels} ${formatValue(one.sum)}\n${name}_count${labels} ${one.count}\n`
        }
        return text
      },
    })
    const observedOf = (labels: LabelValues) => {
      const key = formatLabels(labels)
      let one = all.get(key)
      if (one === undefined) all.set(key, (one = { labels, kept: kind.begin(), count: 0, sum: 0 }))
      return one
    }
    const observe = (one: Observed<Kept>, value: number) => {
      kind.note(one, value)
      one.count += 1
      one.sum += value
    }
    return {
      create: (labels = {}) => observe.bind(undefined, observedOf(labels)),
      observe: (value, labels = {}) => observe(observedOf(labels), value),
      remove: (labels) => void all.delete(formatLabels(labels)),
    }
  }

  /** Everything, in text format 0.0.4, families sorted by name. */
  print(): string {
    const families = [...this.#families.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
    return families.map((f) => `# HELP ${f.name} ${f.help}\n# TYPE ${f.name} ${f.kind}\n${f.print()}`).join('')
  }

  #add(family: Family): void {
    if (this.#families.has(family.name)) throw new Error(`bug: metric ${family.name} is registered twice`)
    this.#families.set(family.name, family)
  }
}

/** Of one label set. */
type Observed<Kept> = { readonly labels: LabelValues; readonly kept: Kept; count: number; sum: number }

class Series {
  readonly #cells = new Map<string, { value: number }>()
  /** Is there from then on. */
  cell(labels: LabelValues): { value: number } {
    const key = formatLabels(labels)
    let cell = this.#cells.get(key)
    if (cell === undefined) this.#cells.set(key, (cell = { value: 0 }))
    return cell
  }
  get(labels: LabelValues): number {
    return this.#cells.get(formatLabels(labels))?.value ?? 0
  }
  set(labels: LabelValues, value: number): void {
    this.cell(labels).value = value
  }
  add(labels: LabelValues, by: number): void {
    this.cell(labels).value += by
  }
  delete(labels: LabelValues): void {
    this.#cells.delete(formatLabels(labels))
  }
  print(name: string): string {
    let text = ''
    for (const [labels, { value }] of this.#cells) text += `${name}${labels} ${formatValue(value)}\n`
    return text
  }
}

function formatLabels(labels: LabelValues): string {
  const pairs = Object.entries(labels)
  if (pairs.length === 0) return ''
  return `{${pairs.map(([name, value]) => `${name}="${escapeLabelValue(value)}"`).join(',')}}`
}

function escapeLabelValue(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function formatValue(value: number): string {
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  return String(value)
}
