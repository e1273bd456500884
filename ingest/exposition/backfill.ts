// Backfill: a long OpenMetrics text with a timestamp on every sample, such as `promtool tsdb dump-openmetrics` writes, read
// in pieces so that neither memory nor the event loop feels its length. What becomes of the samples is up to the caller.

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { BackfillAppender } from '../../storage/head/appender.ts'
import { formatLabels, sortLabels, type Label, type Labels } from '../../storage/model/labels.ts'
import { ExpositionError, type ExpositionSample } from './text/expositionLexer.ts'
import { parseOpenMetrics } from './text/openMetricsParser.ts'

/** A part of a text that is a complete OpenMetrics text itself. */
export type OpenMetricsPiece = {
  readonly body: Uint8Array
  /** Which line of the whole text its first one is. */
  readonly firstLine: number
}

export type BackfillSample = { readonly labels: Labels; readonly timestampMs: number; readonly value: number }

export type BackfillOptions = {
  /** Set on every series. */
  readonly labels: Labels
  /** Later samples are refused: they would keep the current ones out. */
  readonly latestMs: number
}

/** Some samples could not be stored because no more series are allowed. */
export class BackfillRefusedError extends Error {
  constructor(labels: Labels) {
    super(`the limit on series or on the labels of one does not allow ${formatLabels(labels).slice(0, 1000)}; what is before it in the file is stored`)
  }
}

/** Bytes parsed between two turns of the event loop: a few milliseconds. */
const parsedBytes = 32 * 1024

/** The first day that has a name, as in assembly/batch/batch.ts. */
const earliestMs = -8.64e15

/** What can still follow a cut: the last piece always has the end marker. */
const tailBytes = 16

/** Cuts at line breaks into pieces of about `pieceBytes`; each after the first begins with the TYPE line that holds there. */
export async function* openMetricsPieces(text: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, pieceBytes: number): AsyncGenerator<OpenMetricsPiece> {
  let rest = Buffer.alloc(0)
  let line = 1
  let typeLine = ''
  const piece = (body: Buffer, end: string): OpenMetricsPiece => {
    const whole = { body: Buffer.concat([Buffer.from(typeLine), body, Buffer.from(end)]), firstLine: typeLine === '' ? line : line - 1 }
    for (let at = body.indexOf(10); at >= 0; at = body.indexOf(10, at + 1)) line++
    const lastType = body.subarray(0, 7).toString() === '# TYPE ' && body.lastIndexOf('\n# TYPE ') < 0 ? 0 : body.lastIndexOf('\n# TYPE ') + 1
    if (body.subarray(lastType, lastType + 7).toString() === '# TYPE ') typeLine = body.toString('utf8', lastType, body.indexOf(10, lastType) + 1)
    return whole
  }
  for await (const chunk of text) {
    rest = Buffer.concat([rest, chunk])
    while (rest.length > pieceBytes + tailBytes) {
      const cut = rest.lastIndexOf(10, pieceBytes)
      if (cut < 0) break
      yield piece(rest.subarray(0, cut + 1), '# EOF\n')
      rest = rest.subarray(cut + 1)
    }
  }
  yield piece(rest, '')
}

/** Gives the samples to `take`, some at a time and in order. Throws `ExpositionError` at the first line that cannot be stored. */
export async function readBackfill(
  text: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: BackfillOptions,
  take: (samples: readonly BackfillSample[]) => Promise<void>,
): Promise<void> {
  const known = new Map<string, Labels>()
  for await (const { body, firstLine } of openMetricsPieces(text, parsedBytes)) {
    const samples: BackfillSample[] = []
    let familyType = ''
    const visitor = {
      metadata: (kind: string, _name: string, value: string) => {
        if (kind === 'type') familyType = value
      },
      sample: (sample: ExpositionSample) => {
        // The type decides how `le` and `quantile` are written.
        const key = `${familyType} ${sample.text}`
        let labels = known.get(key)
        if (labels === undefined) {
          labels = storedLabels(sample, options.labels)
          if (known.size >= maxKnownSeries) known.clear()
          known.set(key, labels)
        }
        const { timestampMs, value, line } = sample
        if (timestampMs === undefined) throw new ExpositionError(`expected timestamp for series ${formatLabels(labels)}, got none`, line)
        if (timestampMs > options.latestMs) throw new ExpositionError(`the sample of ${formatLabels(labels)} lies in the future`, line)
        if (timestampMs < earliestMs) throw new ExpositionError(`the sample of ${formatLabels(labels)} lies before the first day there is`, line)
        samples.push({ labels, timestampMs, value })
      },
    }
    parseOpenMetrics(body, visitor, firstLine)
    await take(samples)
    await nextTurn()
  }
}

/** Stores the samples up to the first of a series that a limit refuses. Throws `BackfillRefusedError` for that one. */
export async function storeBackfill(samples: readonly BackfillSample[], appender: BackfillAppender): Promise<void> {
  const refused = samples.find(({ labels, timestampMs, value }) => !appender.append(labels, timestampMs, value))
  await appender.commit()
  if (refused !== undefined) throw new BackfillRefusedError(refused.labels)
}

const maxKnownSeries = 200_000

function storedLabels({ labels, line }: ExpositionSample, own: Labels): Labels {
  const names = labels.map(({ name }) => name)
  const repeated = names.find((name, i) => names.indexOf(name) !== i)
  if (repeated !== undefined) throw new ExpositionError(`label name ${JSON.stringify(repeated)} is not unique`, line)
  const isOverridden = ({ name }: Label) => own.some((label) => label.name === name)
  return sortLabels([...labels.filter((label) => !isOverridden(label)), ...own])
}
