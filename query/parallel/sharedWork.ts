// What workers do for each other.

import type { Querier } from '../../storage/querier/querier.ts'
import type { ColumnSpace } from '../values/columnSpace.ts'
import { PrintWorker, type PrintWork } from './printWork.ts'
import { SeriesWorker, type SeriesWork } from './seriesWork.ts'

export type SharedWork = SeriesWork | PrintWork

/** `space` and `querier` are those of the worker that does it. */
export function openSharedWork(work: SharedWork, querier: Querier, space: ColumnSpace): { run(part: number, goesOn: () => boolean): void } {
  return work.kind === 'series' ? new SeriesWorker(work, querier, space) : new PrintWorker(work, space)
}
