// What the endpoints of the HTTP API answer, as far as the pages use it. Times are RFC 3339 or seconds since 1970.

export type Metric = Readonly<Record<string, string>>
export type Point = readonly [timeSeconds: number, value: string]
/** `boundaries`: 0 (lower, upper], 1 [lower, upper), 2 (lower, upper), 3 [lower, upper]. */
export type HistogramBucket = readonly [boundaries: 0 | 1 | 2 | 3, lower: string, upper: string, count: string]
export type Histogram = { readonly count: string; readonly sum: string; readonly buckets?: readonly HistogramBucket[] }
export type HistogramPoint = readonly [timeSeconds: number, value: Histogram]
export type Exemplar = { readonly seriesLabels: Metric; readonly labels: Metric; readonly value: string; readonly timestamp: number }

/** A part of a query's plan and what it took, children included in the time only. */
export type Explained = {
  readonly node: string
  readonly expression: string
  readonly constant: boolean
  readonly series: number
  readonly samplesRead: number
  readonly chunksDecoded: number
  readonly workers: number
  readonly seconds: number
  readonly children: readonly Explained[]
}

/** Seconds, and counts of samples. Preparation is the look-up of series, which is no part of the evaluation here. */
export type QueryStats = {
  readonly timings: { readonly queryPreparationTime: number; readonly innerEvalTime: number; readonly execQueueTime: number }
  readonly samples: { readonly totalQueryableSamples: number; readonly peakSamples: number }
}

export type QueryResult = { readonly explain?: Explained; readonly stats?: QueryStats } & ResultData

type ResultData =
  | { readonly resultType: 'vector'; readonly result: readonly { readonly metric: Metric; readonly value?: Point; readonly histogram?: HistogramPoint }[] }
  | { readonly resultType: 'matrix'; readonly result: readonly { readonly metric: Metric; readonly values?: readonly Point[]; readonly histograms?: readonly HistogramPoint[] }[] }
  | { readonly resultType: 'scalar' | 'string'; readonly result: Point }

export type Target = {
  readonly discoveredLabels: Metric
  readonly labels: Metric
  readonly scrapePool: string
  readonly scrapeUrl: string
  readonly globalUrl: string
  readonly lastError: string
  readonly lastScrape: string
  readonly lastScrapeDuration: number
  readonly health: 'up' | 'down' | 'unknown'
  readonly scrapeInterval: string
  readonly scrapeTimeout: string
}
export type Targets = {
  readonly activeTargets: readonly Target[]
  readonly droppedTargets?: readonly Pick<Target, 'discoveredLabels' | 'scrapePool'>[]
  readonly droppedTargetCounts: Readonly<Record<string, number>> | null
}

export type AlertInstance = {
  readonly labels: Metric
  readonly annotations: Metric
  readonly state: 'pending' | 'firing'
  readonly activeAt: string
  readonly value: string
  readonly keepFiringSince?: string
}
export type Rule = {
  readonly type: 'alerting' | 'recording'
  readonly name: string
  readonly query: string
  readonly labels?: Metric
  readonly annotations?: Metric
  readonly duration?: number
  readonly keepFiringFor?: number
  readonly state?: 'unknown' | 'inactive' | 'pending' | 'firing'
  readonly alerts?: readonly AlertInstance[] | null
  readonly health: 'unknown' | 'ok' | 'err'
  readonly lastError?: string
  readonly evaluationTime: number
  readonly lastEvaluation: string
}
export type RuleGroup = {
  readonly name: string
  readonly file: string
  readonly interval: number
  readonly evaluationTime: number
  readonly lastEvaluation: string
  readonly rules: readonly Rule[]
}
