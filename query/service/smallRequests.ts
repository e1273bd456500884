// Which requests are small: provably little work, by how many series and samples their selectors look at. What else is in them, and
// whether there is memory enough, is for others to find out.

import type { Matcher } from '../../storage/model/matcher.ts'
import type { MemoryQuerierSource } from '../../storage/querier/memoryQuerier.ts'
import type { InstantRequest, LabelsRequest, LabelValuesRequest, RangeRequest, SeriesRequest } from '../answers/api.ts'
import { parseQuery, parseSelector, type ParseFeatures } from '../language/parse.ts'
import { lightReadsOf, type LightRead } from '../plan/lightReads.ts'

export type QuickRequest = InstantRequest | RangeRequest | SeriesRequest | LabelsRequest | LabelValuesRequest

type Source = Pick<MemoryQuerierSource, 'candidates' | 'seriesCount' | 'valueCount'>

/** Series that the selectors of a query look at, and values that a label may have. */
const maxCandidates = 1_000
/** Candidates times tens of seconds that their windows span: about the samples that are read. */
const maxWork = 20_000
/** What matching one value with a regular expression counts for, at least, and per character of the expression. */
const regexWork = 100
const regexCharacterWork = 5
const maxSamples = 20_000
/** Of a range query, in which kernels go from step to step: values of its selectors and one more a step, samples that their windows span at all steps. */
const maxRangeValues = 16_000
const maxRangeWork = 50_000

/** Whether the request takes at most a millisecond or two, by what memory says of the series it looks at. May throw what parsing throws. */
export function isSmall(request: QuickRequest, source: Source, features: ParseFeatures): boolean {
  if (request.kind === 'instant' || request.kind === 'range') {
    const reads = lightReadsOf(parseQuery(request.query, features))
    if (reads === undefined) return false
    return request.kind === 'instant' ? areFew(reads, source) : areFewOver(reads, source, request)
  }
  if (request.match.length > 0) return areFew(request.match.map((text) => ({ matchers: parseSelector(text), rangeMs: 0 })), source)
  return request.kind === 'labels' || (request.kind === 'labelValues' && source.valueCount(request.name) <= maxCandidates)
}

function areFew(reads: readonly LightRead[], source: Source): boolean {
  let candidates = 0
  let work = 0
  for (const { matchers, rangeMs } of reads) {
    const count = source.candidates(matchers)
    candidates += count
    work += count * (1 + rangeMs / 10_000)
    for (const matcher of matchers) if (isSlow(matcher)) work += Math.max(regexWork, regexCharacterWork * matcher.value.length) * Math.min(count, source.valueCount(matcher.name))
  }
  return candidates <= maxCandidates && work <= maxWork
}

function areFewOver(reads: readonly LightRead[], source: Source, { startMs, endMs, stepMs }: RangeRequest): boolean {
  if (!areFew(reads, source)) return false
  const steps = (endMs - startMs) / stepMs + 1
  let values = steps
  let samples = 0
  let work = 0
  for (const { matchers, rangeMs } of reads) {
    const count = source.seriesCount(matchers)
    values += count * steps
    samples += (count * (endMs - startMs + rangeMs)) / 10_000
    work += count * steps * (1 + rangeMs / 10_000)
  }
  return values <= maxRangeValues && samples <= maxSamples && work <= maxRangeWork
}

function isSlow({ op, literals }: Matcher): boolean {
  return (op === '=~' || op === '!~') && literals === undefined
}
