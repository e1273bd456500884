// What becomes of the names after `--enable-feature`: all of Prometheus's are known, and some have no effect here.

import { didYouMean } from '../base/nearest.ts'

const alwaysOn = 'it is always on'
const ofTsdb = 'it tunes the storage engine of Prometheus, which solowatch does not have'

/** Features of Prometheus 3.14: those that have an effect here, perhaps only with another one, and why the others have none. */
const knownFeatures: Readonly<Record<string, 'used' | { readonly why: string } | { readonly needs: string }>> = {
  'promql-experimental-functions': 'used',
  'promql-delayed-name-removal': 'used',
  'promql-per-step-stats': 'used',
  'promql-extended-range-selectors': 'used',
  'promql-binop-fill-modifiers': 'used',
  'auto-reload-config': 'used',
  'extra-scrape-metrics': 'used',
  'created-timestamp-zero-ingestion': 'used',
  'type-and-unit-labels': 'used',
  'otlp-native-delta-ingestion': 'used',
  'otlp-deltatocumulative': 'used',
  'search-api': 'used',
  'utf8-strict-mode': 'used',
  'classic-mode': 'used',
  'promql-duration-expr': { why: alwaysOn },
  'native-histograms': { why: alwaysOn },
  'ooo-native-histograms': { why: alwaysOn },
  'exemplar-storage': { why: alwaysOn },
  'memory-snapshot-on-shutdown': { why: alwaysOn },
  'receiver-name-in-metrics': { why: alwaysOn },
  'metadata-wal-records': { why: 'metadata are not stored, those of running targets are in memory' },
  'concurrent-rule-eval': { why: 'the rules of a group are evaluated in their order, which gives the same results' },
  'st-storage': 'used',
  'use-start-timestamps': 'used',
  'st-synthesis': { needs: 'st-storage' },
  'histograms-st-encoding': { why: 'st-storage alone stores the start timestamps of histograms, too' },
  'xor2-encoding': { why: ofTsdb },
  'delayed-compaction': { why: ofTsdb },
  'use-uncached-io': { why: ofTsdb },
  'fast-startup': { why: ofTsdb },
  'old-ui': { why: 'there is one UI' },
}

/** One text per name that has no effect or is not known. */
export function featureWarnings(features: readonly string[]): string[] {
  return features.flatMap((name) => {
    const state = Object.hasOwn(knownFeatures, name) ? knownFeatures[name] : undefined
    if (state === undefined) return [`Unknown option for --enable-feature: ${name}${didYouMean(name, Object.keys(knownFeatures))}`]
    if (state === 'used') return []
    if ('why' in state) return [`--enable-feature=${name} has no effect: ${state.why}`]
    return features.includes(state.needs) ? [] : [`--enable-feature=${name} has no effect without ${state.needs}`]
  })
}
