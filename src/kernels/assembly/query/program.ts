// A small query in one call: selectors and functions over samples, arithmetic between their columns, aggregations of them, and the answer as JSON.
// What of a query does not depend on time is resolved before (query/program/): its series, which of them are combined, what is
// printed of their labels. Columns are numbered from 0.
//
// Program: { read state u32 (read.ts), windows u32, how many u32, instructions u32, how many u32, columns u32, outputs u32, how
//   many u32, text before the outputs u32, its length u32, whether points stand alone u32, text u32, what is needed i32,
//   how much of it or of which partition i32, by which task u32, for which of its series i32, samples that the steps saw f64,
//   samples and results in memory at the end f64 }
// From `text` on are results. What is needed is as in part.ts, or ROOM; the caller provides it and begins anew.
// Windows: { width f64, offset f64, whether they extrapolate u32, where they are u32 }
// Instruction: { what i32, a u32, b u32, c u32, out u32, zero u32, constant f64 }
//   EVALUATE: a task (a) of part.ts that keeps columns, for so many series (b) through windows (c), into columns from `out` on
//   COMBINE: columns a and b by an operation (c) of combine.ts
//   CONSTANT: a value at all steps
//   AGGREGATE: runs (a) of columns, so many (b), by an operation (c) of accumulate.ts, into one column for each group from `out` on; runs
//     of a group follow each other: { group u32, how many columns u32, which u32 -> u32 each, zero u32 }
// Output, a series: { column u32, text before its points u32, its length u32, zero u32 }

import { S_CAPACITY } from '../samples/read'
import { accumulatedFlags, accumulatorBytes, addColumn, beginAccumulator, finishAccumulator, mergeAccumulators } from './accumulate'
import { combineColumns } from './combine'
import { evaluatePart, T_AMOUNT, T_FOUND, T_HELD, T_MAX, T_MIN, T_NEED, T_PRESENT, T_SCRATCH, T_SCRATCH_ROOM, T_SEEN, T_VALUES, T_WINDOWS } from './part'
import { printPoints, printStepTexts } from './print'
import { openWindows, windowsBytes } from './windows'

const P_READ: usize = 0
const P_WINDOWS: usize = 4
const P_WINDOWS_COUNT: usize = 8
const P_INSTRUCTIONS: usize = 12
const P_INSTRUCTION_COUNT: usize = 16
const P_COLUMN_COUNT: usize = 20
const P_OUTPUTS: usize = 24
const P_OUTPUT_COUNT: usize = 28
const P_HEAD: usize = 32
const P_HEAD_LENGTH: usize = 36
const P_IS_SINGLE: usize = 40
const P_TEXT: usize = 44
const P_NEED: usize = 48
const P_AMOUNT: usize = 52
const P_TASK: usize = 56
const P_SERIES: usize = 60
const P_SEEN: usize = 64
const P_HELD: usize = 72

const WINDOWS_BYTES: usize = 24
const INSTRUCTION_BYTES: usize = 32
const OUTPUT_BYTES: usize = 16
const RUN_BYTES: usize = 16

const EVALUATE: i32 = 0
const COMBINE: i32 = 1
const AGGREGATE: i32 = 3

/** So many bytes of scratch. */
const ROOM: i32 = 6

// Of text, at most; before, around and after points.
const STEP_TEXT_BYTES: i32 = 32
const POINT_BYTES: i32 = 40
const BETWEEN_BYTES: usize = 8

/** Returns the end of the text, or 0 when something is needed. Scratch lies between `scratch`, a multiple of 16, and `end`. */
export function runProgram(program: usize, startMs: f64, stepMs: f64, count: i32, scratch: usize, end: usize): usize {
  const steps = (count + 15) & ~15
  const samples = load<i32>(<usize>load<u32>(program, P_READ), S_CAPACITY)
  const columns = scratch + (<usize>samples << 4)
  let at = columns + <usize>load<u32>(program, P_COLUMN_COUNT) * bytesOf(steps)
  let windows: usize = load<u32>(program, P_WINDOWS)
  for (let left = load<u32>(program, P_WINDOWS_COUNT); left > 0; left--, windows += WINDOWS_BYTES) {
    const extrapolates = load<u32>(windows, 16) != 0
    const next = at + <usize>((windowsBytes(steps, samples, extrapolates) + 15) & ~15)
    if (next > end) return needsRoom(program, next - scratch)
    openWindows(at, startMs - load<f64>(windows, 8), stepMs, count, load<f64>(windows), samples, extrapolates)
    store<u32>(windows, <u32>at, 20)
    at = next
  }
  // Two accumulators, the largest that there are.
  const accumulators = at
  at += <usize>((steps * 26 + 15) & ~15) * 2
  if (at > end) return needsRoom(program, at - scratch)
  if (!compute(program, startMs, stepMs, count, scratch, columns, accumulators)) return 0
  return print(program, startMs, stepMs, count, columns, at, end, scratch)
}

function compute(program: usize, startMs: f64, stepMs: f64, count: i32, scratch: usize, columns: usize, accumulators: usize): bool {
  const steps = (count + 15) & ~15
  const columnBytes = bytesOf(steps)
  const flags = <usize>steps << 3
  const samples = load<i32>(<usize>load<u32>(program, P_READ), S_CAPACITY)
  let seen: f64 = 0
  let held: f64 = 0
  let longest: f64 = 0
  let instruction: usize = load<u32>(program, P_INSTRUCTIONS)
  for (let left = load<u32>(program, P_INSTRUCTION_COUNT); left > 0; left--, instruction += INSTRUCTION_BYTES) {
    const what = load<i32>(instruction)
    const a: usize = load<u32>(instruction, 4)
    const b: usize = load<u32>(instruction, 8)
    const c: usize = load<u32>(instruction, 12)
    let out = columns + <usize>load<u32>(instruction, 16) * columnBytes
    if (what == EVALUATE) {
      const windows: usize = <usize>load<u32>(program, P_WINDOWS) + c * WINDOWS_BYTES
      const firstMs = startMs - load<f64>(windows, 8)
      store<u32>(a, load<u32>(windows, 20), T_WINDOWS)
      store<u32>(a, <u32>scratch, T_SCRATCH)
      store<i32>(a, samples, T_SCRATCH_ROOM)
      store<f64>(a, firstMs - load<f64>(windows) + 1, T_MIN)
      store<f64>(a, firstMs + <f64>(count - 1) * stepMs, T_MAX)
      for (let i = 0; i < <i32>b; i++, out += columnBytes) {
        // The task's columns lie closer together: it is told where they would begin for this one to be at its place.
        store<u32>(a, <u32>(out - (<usize>i * <usize>count << 3)), T_VALUES)
        store<u32>(a, <u32>(out + flags - <usize>i * <usize>count), T_PRESENT)
        if (evaluatePart(a, i, i + 1, 0) == i) {
          needs(program, load<i32>(a, T_NEED), load<i32>(a, T_AMOUNT), a, i)
          return false
        }
        const found = load<i32>(<usize>load<u32>(a, T_FOUND) + (<usize>i << 2))
        if (found == 0) memory.fill(out + flags, 0, count)
        held += <f64>found
        longest = max(longest, load<f64>(<usize>load<u32>(a, T_HELD) + (<usize>i << 3)))
        seen += load<f64>(<usize>load<u32>(a, T_SEEN) + (<usize>i << 3))
      }
    } else if (what == COMBINE) {
      const left = columns + a * columnBytes
      const right = columns + b * columnBytes
      held += <f64>combineColumns(<i32>c, left, left + flags, right, right + flags, count, out, out + flags)
    } else if (what == AGGREGATE) {
      aggregate(<i32>c, a, b, columns, steps, out, accumulators, count)
    } else {
      const value = load<f64>(instruction, 24)
      for (let i = 0; i < count; i++) store<f64>(out + (<usize>i << 3), value)
      memory.fill(out + flags, 1, count)
    }
  }
  store<f64>(program, seen, P_SEEN)
  store<f64>(program, held + longest, P_HELD)
  return true
}

function aggregate(operation: i32, runs: usize, runCount: usize, columns: usize, steps: i32, out: usize, accumulators: usize, count: i32): void {
  const columnBytes = bytesOf(steps)
  const flags = <usize>steps << 3
  const other = accumulators + <usize>accumulatorBytes(operation, steps)
  const runsEnd = runs + runCount * RUN_BYTES
  for (let run = runs; run < runsEnd; run += RUN_BYTES) {
    const group = load<u32>(run)
    const isFirst = run == runs || load<u32>(run - RUN_BYTES) != group
    const at = isFirst ? accumulators : other
    beginAccumulator(operation, count, at)
    let column: usize = load<u32>(run, 8)
    for (let left = load<u32>(run, 4); left > 0; left--, column += 4) {
      const values = columns + <usize>load<u32>(column) * columnBytes
      addColumn(operation, values, values + flags, count, at)
    }
    if (!isFirst) mergeAccumulators(operation, other, count, accumulators)
    if (run + RUN_BYTES < runsEnd && load<u32>(run, RUN_BYTES) == group) continue
    const result = out + <usize>group * columnBytes
    memory.copy(result, finishAccumulator(operation, count, accumulators), <usize>count << 3)
    memory.copy(result + flags, accumulatedFlags(operation, count, accumulators), count)
  }
}

/** The whole answer; series without points are left out. */
function print(program: usize, startMs: f64, stepMs: f64, count: i32, columns: usize, from: usize, end: usize, scratch: usize): usize {
  const steps = (count + 15) & ~15
  const columnBytes = bytesOf(steps)
  const ends = from
  const texts = ends + (<usize>steps << 2)
  if (texts + <usize>(STEP_TEXT_BYTES * count) > end) return needsRoom(program, texts + <usize>(STEP_TEXT_BYTES * count) - scratch)
  const text = printStepTexts(startMs, stepMs, count, texts, ends)
  const headLength = load<u32>(program, P_HEAD_LENGTH)
  const seriesBytes = text - texts + <usize>(POINT_BYTES * count) + BETWEEN_BYTES
  let output: usize = load<u32>(program, P_OUTPUTS)
  let out = text
  if (out + headLength + BETWEEN_BYTES > end) return needsRoom(program, out + headLength + BETWEEN_BYTES - scratch)
  memory.copy(out, load<u32>(program, P_HEAD), headLength)
  out += headLength
  const isSingle = load<u32>(program, P_IS_SINGLE) != 0
  let isFirst = true
  for (let left = load<u32>(program, P_OUTPUT_COUNT); left > 0; left--, output += OUTPUT_BYTES) {
    const column = columns + <usize>load<u32>(output) * columnBytes
    const length = load<u32>(output, 8)
    if (out + length + seriesBytes > end) return needsRoom(program, out + <usize>left * (<usize>length + seriesBytes) + BETWEEN_BYTES - scratch)
    let points = out
    if (!isFirst) store<u8>(points++, 0x2c)
    memory.copy(points, load<u32>(output, 4), length)
    points += length
    const printed = printPoints(column, column + (<usize>steps << 3), count, texts, ends, points)
    if (printed == points) continue
    isFirst = false
    out = printed
    if (!isSingle) store<u8>(out++, 0x5d)
    store<u8>(out++, 0x7d)
  }
  // ]}}
  store<u16>(out, 0x7d5d)
  store<u8>(out, 0x7d, 2)
  store<u32>(program, <u32>text, P_TEXT)
  return out + 3
}

// @ts-ignore: decorator
@inline
function bytesOf(steps: i32): usize {
  return <usize>steps * 9
}

function needsRoom(program: usize, bytes: usize): usize {
  needs(program, ROOM, <i32>bytes, 0, 0)
  return 0
}

function needs(program: usize, need: i32, amount: i32, task: usize, series: i32): void {
  store<i32>(program, need, P_NEED)
  store<i32>(program, amount, P_AMOUNT)
  store<u32>(program, <u32>task, P_TASK)
  store<i32>(program, series, P_SERIES)
}
