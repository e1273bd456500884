// The statistics of one query as JSON, in the form that both the API (`stats=`) and the query log show.

import type { JobCost } from './job.ts'

export type QueryStats = {
  readonly cost: JobCost
  /** How long the query waited for a worker. */
  readonly queueSeconds: number
  /** `[time,count]` for each step, as JSON; missing when steps are not counted one by one. */
  readonly perStep?: string | undefined
}

/** The `stats` of an answer, as JSON in Prometheus's shape. */
export function statsJson({ cost, queueSeconds, perStep }: QueryStats): string {
  const { prepareSeconds, evalSeconds, sortSeconds, samples, peakSamples } = cost
  const evalTotalTime = prepareSeconds + evalSeconds + sortSeconds
  const timings = {
    evalTotalTime,
    resultSortTime: sortSeconds,
    queryPreparationTime: prepareSeconds,
    innerEvalTime: evalSeconds,
    execQueueTime: queueSeconds,
    execTotalTime: queueSeconds + evalTotalTime,
  }
  const samplesText =
    `{${perStep === undefined ? '' : `"totalQueryableSamplesPerStep":${perStep},`}"totalQueryableSamples":${samples},` +
    `${perStep === undefined ? '' : `"samplesReadPerStep":${perStep},`}"samplesRead":${samples},"peakSamples":${peakSamples}}`
  return `{"timings":${JSON.stringify(timings)},"samples":${samplesText}}`
}
