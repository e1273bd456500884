// A program in the kernels' memory, to be run at any times. What the kernel asks for in between, chunks that were lent and room to
// compute in, it gets here.

import { takeBytes } from '../../src/base/giveBack.ts'
import type { Pointer } from '../../src/kernels/kernels.ts'
import type { Span } from '../../src/kernels/span.ts'
import { dayMs } from '../../storage/files/dataDir.ts'
import type { TimeRange } from '../../storage/model/sample.ts'
import type { KernelReads, Querier } from '../../storage/querier/querier.ts'
import { metricJson, resultStart } from '../answers/jsonBytes.ts'
import { needs, setPartitions, taskBytes, writeTask } from '../parallel/partTask.ts'
import type { ColumnSpace } from '../values/columnSpace.ts'
import type { Steps } from '../values/value.ts'
import type { Evaluation, Instruction, Program, ProgramWindows, ResultSeries, Run } from './program.ts'

/** Layouts, as in the kernel. */
const programBytes = 80
const textAt = 44
const needAt = 48
const seenAt = 64
const windowsBytes = 24
const instructionBytes = 32
const outputBytes = 16
const operations = { evaluate: 0, combine: 1, constant: 2, aggregate: 3 } as const
const runBytes = 16
/** Besides what tasks need: so many bytes to compute in. */
const needsRoom = 6

const firstScratchBytes = 128 * 1024

export type LoadedProgramDeps = {
  /** For what is kept as long as the program. */
  readonly kept: ColumnSpace
  /** For what is computed by one after the other. */
  readonly scratch: Span
  /** Another number whenever what the querier has of partitions is not good any more. */
  readonly entriesVersion: () => number
}

type Task = {
  readonly evaluation: Evaluation
  readonly at: Pointer
  readonly refsAt: Pointer
  /** Per series: found, seen and held. */
  readonly countsAt: Pointer
  reads: KernelReads | undefined
  partitions: { readonly at: Pointer; readonly bytes: number }
}

/** What the tasks' lists of partitions are good for. */
type Bound = { readonly version: number; readonly fromMs: number; readonly lastDay: number }

/** `samples` as in `QueryResult`, `peakSamples` as in `Limits`. */
export type ProgramAnswer = { readonly json: Uint8Array<ArrayBuffer>; readonly samples: number; readonly peakSamples: number }

export class LoadedProgram {
  readonly #deps: LoadedProgramDeps
  readonly #windows: readonly ProgramWindows[]
  readonly #tasks: Task[] = []
  readonly #at: Pointer
  /** From the first sample that is read to the first step, at most, and from the last sample to the last step, at least. */
  readonly #reachMs: number
  readonly #delayMs: number
  #scratchBytes = firstScratchBytes
  #bound: Bound | undefined

  /** Prints `results` in their order: each with one point when `isInstant`. */
  constructor({ windows, instructions, columnCount }: Program, results: readonly ResultSeries[], isInstant: boolean, deps: LoadedProgramDeps) {
    const { kept } = deps
    this.#deps = deps
    this.#windows = windows
    this.#reachMs = Math.max(...windows.map(({ widthMs, offsetMs }) => widthMs + offsetMs))
    this.#delayMs = Math.min(...windows.map(({ offsetMs }) => offsetMs))
    const windowsAt = kept.allocate(windowsBytes * windows.length)
    windows.forEach(({ widthMs, offsetMs, extrapolates }, i) => {
      kept.doublesAt(windowsAt + windowsBytes * i, 2).set([widthMs, offsetMs])
      kept.wordsAt(windowsAt + windowsBytes * i + 16, 2).set([extrapolates ? 1 : 0, 0])
    })
    const instructionsAt = kept.allocate(instructionBytes * instructions.length)
    instructions.forEach((instruction, i) => this.#write(instruction, instructionsAt + instructionBytes * i))
    const outputsAt = kept.allocate(outputBytes * results.length)
    results.forEach(({ labels, column }, i) => {
      const before = this.#text(`{"metric":${metricJson(labels).toString()},${isInstant ? '"value":' : '"values":['}`)
      kept.wordsAt(outputsAt + outputBytes * i, 4).set([column, ...before, 0])
    })
    const head = this.#text(`${resultStart(isInstant ? 'vector' : 'matrix')}[`)
    this.#at = kept.allocate(programBytes)
    kept.wordsAt(this.#at, 11).set([0, windowsAt, windows.length, instructionsAt, instructions.length, columnCount, outputsAt, results.length, ...head, isInstant ? 1 : 0])
  }

  /** The whole answer; `querier` is of memory alone. `undefined` when this takes another way. Throws `NotInMemory`. */
  run(steps: Steps, querier: Querier): ProgramAnswer | undefined {
    const { kept, scratch } = this.#deps
    const { startMs, stepMs, count } = steps
    this.#bind({ minTimeMs: startMs - this.#reachMs + 1, maxTimeMs: startMs + (count - 1) * stepMs - this.#delayMs }, querier)
    for (;;) {
      scratch.reserve(this.#scratchBytes)
      const end = kept.exports.runProgram(this.#at, startMs, stepMs, count, scratch.pointer, scratch.pointer + this.#scratchBytes)
      if (end === 0) {
        if (this.#provide(querier)) continue
        return undefined
      }
      const text = kept.wordsAt(this.#at + textAt, 1)[0] ?? 0
      const json = takeBytes(end - text)
      kept.bytes.copy(json, 0, text, end)
      const [samples = 0, peakSamples = 0] = kept.doublesAt(this.#at + seenAt, 2)
      return { json, samples, peakSamples }
    }
  }

  /** Returns false when the program cannot go on. */
  #provide(querier: Querier): boolean {
    const [need = 0, amount = 0, taskAt = 0, series = 0] = this.#deps.kept.wordsAt(this.#at + needAt, 4)
    if (need === needsRoom) {
      this.#scratchBytes = Math.max(amount, 2 * this.#scratchBytes)
      return true
    }
    const reads = this.#tasks.find(({ at }) => at === taskAt)?.reads
    if (reads === undefined) return false
    if (need === needs.columns) {
      reads.reserve(amount)
      return true
    }
    if (need !== needs.entry || !reads.load(series, amount)) return false
    // It may have moved the others.
    const bound = this.#bound
    this.#bound = undefined
    if (bound !== undefined) this.#bindAll({ minTimeMs: bound.fromMs, maxTimeMs: bound.lastDay * dayMs }, querier)
    return true
  }

  /** Makes sure that the tasks read all partitions that overlap the range. */
  #bind(range: TimeRange, querier: Querier): void {
    const { version, fromMs, lastDay } = this.#bound ?? {}
    const isBound = version === this.#deps.entriesVersion() && fromMs !== undefined && range.minTimeMs >= fromMs && Math.floor(range.maxTimeMs / dayMs) === lastDay
    if (!isBound) this.#bindAll(range, querier)
  }

  #bindAll(range: TimeRange, querier: Querier): void {
    const { kept, entriesVersion } = this.#deps
    this.#bound = undefined
    for (const task of this.#tasks) {
      if (task.evaluation.refs.length === 0) continue
      const { evaluation: { refs, partFunction, windows }, at, refsAt, countsAt } = task
      const selection = querier.selectRefs(refs, range)
      const reads = selection.kernelReads?.(refsAt)
      // Aggregates of downsampled days are beyond memory, which this says.
      if (reads === undefined || (partFunction.kind !== 'newest' && selection.buckets?.() !== undefined)) throw new Error('bug: a querier of memory alone that kernels cannot read from')
      const { length } = refs
      const counts = { found: countsAt, seen: countsAt + 8 * length, held: countsAt + 16 * length }
      const widthMs = this.#windows[windows]?.widthMs ?? 0
      writeTask(kept, at, { partFunction, state: reads.state, windows: 0, range, widthMs, refs: refsAt, operation: 0, values: 0, present: 0, ...counts, maxSamplesAtOnce: Infinity })
      setPartitions(kept, at, reads, (bytes) => {
        if (bytes > task.partitions.bytes) task.partitions = { at: kept.allocate(bytes), bytes }
        return task.partitions.at
      })
      task.reads = reads
      kept.wordsAt(this.#at, 1)[0] = reads.state
    }
    this.#bound = { version: entriesVersion(), fromMs: range.minTimeMs, lastDay: Math.floor(range.maxTimeMs / dayMs) }
  }

  #write(instruction: Instruction, at: Pointer): void {
    const { kept } = this.#deps
    const { kind, out } = instruction
    kept.wordsAt(at, 6).set([operations[kind], ...this.#operands(instruction), out, 0])
    kept.doublesAt(at + 24, 1)[0] = kind === 'constant' ? instruction.value : 0
  }

  #operands(instruction: Instruction): readonly [number, number, number] {
    switch (instruction.kind) {
      case 'evaluate':
        return this.#task(instruction)
      case 'combine':
        return [instruction.left, instruction.right, instruction.operation]
      case 'constant':
        return [0, 0, 0]
      case 'aggregate':
        return [this.#runs(instruction.runs), instruction.runs.length, instruction.operation]
    }
  }

  #runs(runs: readonly Run[]): Pointer {
    const { kept } = this.#deps
    const runsAt = kept.allocate(runBytes * runs.length)
    runs.forEach(({ group, columns }, i) => {
      const columnsAt = kept.allocate(4 * columns.length)
      kept.wordsAt(columnsAt, columns.length).set(columns)
      kept.wordsAt(runsAt + runBytes * i, 4).set([group, columns.length, columnsAt, 0])
    })
    return runsAt
  }

  #task(evaluation: Evaluation): readonly [Pointer, number, number] {
    const { kept } = this.#deps
    const { refs, windows } = evaluation
    const { length } = refs
    const at = kept.allocate(taskBytes)
    const refsAt = kept.allocate(4 * length)
    kept.wordsAt(refsAt, length).set(refs)
    this.#tasks.push({ evaluation, at, refsAt, countsAt: kept.allocate(24 * length), reads: undefined, partitions: { at: 0, bytes: 0 } })
    return [at, length, windows]
  }

  /** Where it lies, and how many bytes it is. */
  #text(text: string): readonly [Pointer, number] {
    const { kept } = this.#deps
    const bytes = Buffer.byteLength(text)
    const at = kept.allocate(bytes)
    kept.bytes.write(text, at)
    return [at, bytes]
  }
}
