// Answers to questions about series rather than samples: series, labels, label values, storage status.

import type { Matcher } from '../../storage/model/matcher.ts'
import type { TimeRange } from '../../storage/model/sample.ts'
import type { Querier } from '../../storage/querier/querier.ts'
import type { LabelsRequest, LabelValuesRequest, MetadataParams, SearchAnswer, SearchRequest, SeriesRequest, TsdbStatusRequest } from './api.ts'
import type { EngineSettings } from './job.ts'
import { JsonBytes } from './jsonBytes.ts'
import { search } from './search.ts'

export type MetadataRequest = SeriesRequest | LabelsRequest | LabelValuesRequest

const truncated = 'results truncated due to limit'

/** The whole time that a request asks about. */
function timeRangeOf(request: Pick<MetadataParams, 'startMs' | 'endMs'>): TimeRange {
  return { minTimeMs: request.startMs ?? -Infinity, maxTimeMs: request.endMs ?? Infinity }
}

/** What answers are made from: the samples, and how many bytes one may have. */
export type MetadataDeps = { readonly querier: Querier; readonly settings: Pick<EngineSettings, 'maxResultBytes'> }

/** `sets` are the parsed `match` parameters. */
export function answerMetadata({ querier, settings }: MetadataDeps, request: MetadataRequest, sets: readonly (readonly Matcher[])[]): JsonBytes {
  const json = new JsonBytes({ maxBytes: settings.maxResultBytes }).raw('{"status":"success","data":')
  const range = timeRangeOf(request)
  if (range.minTimeMs > range.maxTimeMs) return answerStrings(json, [], 0)
  const limit = request.limit ?? 0
  // One more than asked for tells whether the limit cut anything.
  const fetched = limit > 0 ? limit + 1 : 0
  switch (request.kind) {
    case 'series': {
      const series = querier.seriesLabels(sets, range, fetched)
      json.raw('[')
      const shown = limit > 0 ? series.slice(0, limit) : series
      shown.forEach((labels, i) => json.raw(i > 0 ? ',' : '').labels(labels))
      return end(json.raw(']'), shown.length < series.length)
    }
    case 'labels':
      return answerStrings(json, querier.labelNames(sets, range, fetched), limit)
    case 'labelValues':
      return answerStrings(json, querier.labelValues(request.name, sets, range, fetched), limit)
  }
}

function answerStrings(json: JsonBytes, list: readonly string[], limit: number): JsonBytes {
  const shown = limit > 0 ? list.slice(0, limit) : list
  return end(json.strings(shown), shown.length < list.length)
}

function end(json: JsonBytes, isTruncated: boolean): JsonBytes {
  if (isTruncated) json.raw(',"warnings":').strings([truncated])
  return json.raw('}')
}

/** Of each list, as many as `limit` says, the largest first. */
export function answerTsdbStatus(querier: Querier, request: TsdbStatusRequest): JsonBytes {
  const { headStats, ...lists } = querier.status(request.limit)
  const { minTime, maxTime, ...counts } = headStats
  const head = `${JSON.stringify(counts).slice(0, -1)},"minTime":${int64Text(minTime)},"maxTime":${int64Text(maxTime)}}`
  return new JsonBytes().raw('{"status":"success","data":{"headStats":').utf8(head).raw(',').utf8(JSON.stringify(lists).slice(1)).raw('}')
}

/** What is infinite is a limit of 64 bits, as in Prometheus, and not that number rounded, which Go refuses. */
function int64Text(value: number): string {
  if (value === Infinity) return '9223372036854775807'
  return value === -Infinity ? '-9223372036854775808' : String(value)
}

/** Among label names, or among the values of one label, of the series that the sets of matchers select. */
export function answerSearch(querier: Querier, request: SearchRequest, sets: readonly (readonly Matcher[])[]): SearchAnswer {
  const range = timeRangeOf(request)
  const candidates = request.label === undefined ? querier.labelNames(sets, range, 0) : querier.labelValues(request.label, sets, range, 0)
  return search(candidates, request.options)
}

/** Each day's file in the form of a block's meta.json. The time range ends before `maxTime`. */
export function answerTsdbBlocks(querier: Querier): JsonBytes {
  const blocks = querier.partitions().map(({ startMs, minTimeMs, maxTimeMs, chunkCount, sampleCount }) => {
    const ulid = ulidOfTime(startMs)
    return { ulid, minTime: minTimeMs, maxTime: maxTimeMs + 1, stats: { numSamples: sampleCount, numChunks: chunkCount }, compaction: { level: 1, sources: [ulid] }, version: 1 }
  })
  return new JsonBytes().raw('{"status":"success","data":').utf8(JSON.stringify({ blocks })).raw('}')
}

/** A ULID that a file can be told by: ten characters of time, and nothing random. https://github.com/ulid/spec */
function ulidOfTime(timeMs: number): string {
  const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
  let text = ''
  for (let rest = Math.max(0, timeMs), i = 0; i < 10; i++, rest = Math.floor(rest / 32)) text = `${alphabet[rest % 32]}${text}`
  return text.padEnd(26, '0')
}
