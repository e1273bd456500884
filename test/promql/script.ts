// The language of the PromQL scripts, which is that of Prometheus's own: `load`, `clear`, `eval instant`, `eval range`, with
// `expect` lines and expected series. This file reads a script; `runScript.ts` carries it out.

import { parseDurationMs } from '../../src/base/duration.ts'
import type { Labels } from '../../storage/model/labels.ts'
import { parseNumber, parseValues, splitSeries, type NotatedValue } from './seriesNotation.ts'

/** A text that must be equal, or a pattern that must be found. */
export type TextExpectation = { readonly kind: 'msg'; readonly text: string } | { readonly kind: 'regex'; readonly pattern: RegExp }

export type Expectations = {
  fail?: TextExpectation | 'any'
  ordered?: boolean
  string?: string
  warn?: (TextExpectation | 'any' | 'none')[]
  info?: (TextExpectation | 'any' | 'none')[]
}

export type ExpectedSeries = { readonly labels: Labels; readonly values: readonly NotatedValue[] }

export type LoadedSeries = { readonly labels: Labels; readonly values: readonly NotatedValue[] }

export type Command = { readonly line: number } & (
  | { readonly kind: 'clear' }
  | { readonly kind: 'load'; readonly intervalMs: number; readonly series: readonly LoadedSeries[] }
  | {
      readonly kind: 'eval'
      readonly query: string
      readonly startMs: number
      readonly endMs: number
      /** 0 for an instant evaluation. */
      readonly stepMs: number
      readonly expect: Expectations
      /** A scalar result. */
      readonly scalar: number | undefined
      readonly series: readonly ExpectedSeries[]
    }
)

type Line = { readonly number: number; readonly text: string }

export function parseScript(script: string): readonly Command[] {
  const lines = script.split('\n').map((text, i): Line => ({ number: i + 1, text: text.replace(/\s+$/, '') }))
  const blocks: Line[][] = []
  for (const line of lines) {
    if (/^\s*(#|$)/.test(line.text)) {
      if (line.text === '') blocks.push([])
      continue
    }
    const isContinuation = /^\s/.test(line.text)
    const last = blocks.at(-1)
    if (isContinuation && last !== undefined && last.length > 0) last.push(line)
    else if (isContinuation) throw new Error(`line ${line.number}: nothing to continue`)
    else blocks.push([line])
  }
  return blocks.filter((block) => block.length > 0).map(parseBlock)
}

function parseBlock(block: readonly Line[]): Command {
  const [head, ...body] = block as [Line, ...Line[]] // blocks are not empty
  try {
    if (head.text === 'clear') return { line: head.number, kind: 'clear' }
    if (head.text.startsWith('load ')) {
      const series = body.map(({ text }) => {
        const { labels, rest } = splitSeries(text.trim())
        return { labels, values: parseValues(rest) }
      })
      return { line: head.number, kind: 'load', intervalMs: durationMs(head.text.slice(5).trim()), series }
    }
    return parseEval(head, body)
  } catch (error) {
    throw new Error(`line ${head.number}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

const instantHead = /^eval(?:_(fail|warn|info|ordered))? instant (?:at (\S+) )?(.*)$/
const rangeHead = /^eval(?:_(fail|warn|info))? range from (\S+) to (\S+) step (\S+) (.*)$/

function parseEval(head: Line, body: readonly Line[]): Command {
  const instant = instantHead.exec(head.text)
  const range = rangeHead.exec(head.text)
  if (instant === null && range === null) throw new Error(`unknown command: ${head.text}`)
  const [, mode, start = '0', end = start, step = '0', query = ''] =
    range ?? (instant === null ? [] : [instant[0], instant[1], instant[2] ?? '0', undefined, undefined, instant[3]])
  const expect: Expectations = {}
  if (mode === 'fail') expect.fail = 'any'
  if (mode === 'ordered') expect.ordered = true
  if (mode === 'warn') expect.warn = ['any']
  if (mode === 'info') expect.info = ['any']
  const series: ExpectedSeries[] = []
  let scalar: number | undefined
  for (const { text } of body) {
    const line = text.trim()
    const failure = /^expected_fail_(message|regexp) (.*)$/.exec(line)
    if (failure !== null) expect.fail = failure[1] === 'message' ? { kind: 'msg', text: failure[2] ?? '' } : { kind: 'regex', pattern: new RegExp(failure[2] ?? '') }
    else if (line.startsWith('expect ')) addExpectation(expect, line.slice(7).trim())
    else if (/^[+-]?(\d|\.\d|inf$|nan$)/i.test(line)) scalar = parseNumber(line)
    else {
      const { labels, rest } = splitSeries(line)
      series.push({ labels, values: parseValues(rest) })
    }
  }
  return {
    line: head.number, kind: 'eval', query, startMs: durationMs(start), endMs: durationMs(end), stepMs: durationMs(step), expect, scalar, series,
  }
}

function addExpectation(expect: Expectations, text: string): void {
  const [, what = '', rest = ''] = /^(\S+)\s*(.*)$/.exec(text) ?? []
  const detail: TextExpectation | 'any' = rest.startsWith('msg:')
    ? { kind: 'msg', text: rest.slice(4).trim() }
    : rest.startsWith('regex:')
      ? { kind: 'regex', pattern: new RegExp(rest.slice(6).trim()) }
      : 'any'
  if (what === 'fail') expect.fail = detail
  else if (what === 'ordered') expect.ordered = true
  else if (what === 'string') expect.string = JSON.parse(rest) as string // a quoted string; anything else fails the comparison
  else if (what === 'warn' || what === 'info') (expect[what] ??= []).push(detail)
  else if (what === 'no_warn') (expect.warn ??= []).push('none')
  else if (what === 'no_info') (expect.info ??= []).push('none')
  else throw new Error(`unknown expectation: ${text}`)
}

/** A duration, or a number of seconds; may be negative. */
function durationMs(text: string): number {
  if (text.startsWith('-')) return -durationMs(text.slice(1))
  if (/^\d+(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000)
  const ms = parseDurationMs(text)
  if (ms === undefined) throw new Error(`not a duration: ${text}`)
  return ms
}
