// The programs of queries that are asked again and again; made anew when series have come or gone.

import type { Querier } from '../../storage/querier/querier.ts'
import type { InstantRequest, RangeRequest } from '../answers/api.ts'
import { checkRange } from '../answers/apiQuery.ts'
import { parseQuery, type ParseFeatures } from '../language/parse.ts'
import { planOf } from '../plan/keptPlan.ts'
import { LoadedProgram, type LoadedProgramDeps } from './loadedProgram.ts'
import { compileProgram, sortedResults } from './program.ts'

export type ProgramsDeps = LoadedProgramDeps & {
  readonly features: ParseFeatures
  readonly lookbackMs: number
}

/** Of a request, and good as long as it is `Programs.current`: `undefined` when there is no program for it. */
export type KeptProgram = { readonly loaded: LoadedProgram | undefined; readonly round: number }

const maxKeptBytes = 4 * 1024 * 1024

export class Programs {
  readonly #deps: ProgramsDeps
  #indexVersion = -1

  /** `deps.kept` is for programs alone. */
  constructor(deps: ProgramsDeps) {
    this.#deps = deps
  }

  isCurrent(program: KeptProgram, indexVersion: number): boolean {
    return program.round === this.#deps.kept.round && indexVersion === this.#indexVersion
  }

  /** For the same request at other times. Throws `QueryError` when there is a mistake in its text or its range. */
  compile(request: InstantRequest | RangeRequest, indexVersion: number, querier: Querier): KeptProgram {
    const { kept } = this.#deps
    if (indexVersion !== this.#indexVersion || kept.usedBytes > maxKeptBytes) kept.reset()
    this.#indexVersion = indexVersion
    return { loaded: this.#load(request, querier), round: kept.round }
  }

  #load(request: InstantRequest | RangeRequest, querier: Querier): LoadedProgram | undefined {
    const { features, lookbackMs } = this.#deps
    if (features.has('promql-delayed-name-removal')) return undefined
    const isInstant = request.kind === 'instant'
    if (!isInstant) checkRange(request)
    const times = isInstant ? { startMs: request.timeMs, endMs: request.timeMs, stepMs: 0 } : { startMs: request.startMs, endMs: request.endMs, stepMs: request.stepMs }
    // Subqueries, for which the interval would be, have no program.
    const { root, isOfOneRange } = planOf(parseQuery(request.query, features), { ...times, evaluationIntervalMs: 60_000, lookbackMs })
    if (isOfOneRange) return undefined
    const program = compileProgram(root, { lookbackMs, select: (matchers) => querier.select(matchers, allTime), isInstant, usesStarts: features.has('use-start-timestamps') })
    return program && new LoadedProgram(program, isInstant ? program.results : sortedResults(program), isInstant, this.#deps)
  }
}

const allTime = { minTimeMs: -Infinity, maxTimeMs: Infinity }
