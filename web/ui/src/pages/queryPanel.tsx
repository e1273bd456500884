// One query with its editor, time controls, and result as graph or table.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { fetchApi, type Answer, type QueryResult } from '../api.ts'
import { ExplainTable } from '../components/explainTable.tsx'
import { ExpressionEditor } from '../components/expressionEditor.tsx'
import { Graph } from '../components/graph.tsx'
import { Notice } from '../components/notice.tsx'
import { ResultTable } from '../components/resultTable.tsx'
import { formatDurationSeconds, formatSeconds, formatTime, parseDurationSeconds, parseTimeMs } from '../time.ts'

export type PanelState = {
  readonly expression: string
  readonly tab: 'graph' | 'table' | 'explain'
  /** Text as typed: `1h`. */
  readonly range: string
  /** Text as typed, empty for now. */
  readonly end: string
  /** Text as typed, empty for automatic. */
  readonly step: string
  readonly stacked: boolean
}

type Props = {
  readonly state: PanelState
  readonly utc: boolean
  /** Nobody has asked for anything yet: keep asking until there is something to show. */
  readonly welcome: boolean
  onChange(next: PanelState): void
  onRemove?(): void
}

type Window = { readonly startSeconds: number; readonly endSeconds: number; readonly stepSeconds: number }
type Shown = { readonly answer: Answer<QueryResult>; readonly window: Window; readonly tab: PanelState['tab']; readonly tookSeconds: number }

const tabNames = { graph: 'Graph', table: 'Table', explain: 'Explain' } as const
const rangeChoices = [300, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600, 2_419_200, 7_257_600, 31_536_000]
const refreshChoices = [0, 5, 15, 60]

export function QueryPanel({ state, utc, welcome, onChange, onRemove }: Props) {
  const [draft, setDraft] = useState(state.expression)
  const [shown, setShown] = useState<Shown>()
  const [error, setError] = useState<Error>()
  const [loading, setLoading] = useState(false)
  const [refreshSeconds, setRefreshSeconds] = useState(welcome ? 5 : 0)
  const inFlight = useRef<AbortController>(undefined)

  const run = useCallback(
    async (panel: PanelState) => {
      inFlight.current?.abort()
      if (panel.expression.trim() === '') {
        setShown(undefined)
        return
      }
      const controller = (inFlight.current = new AbortController())
      setLoading(true)
      const startedMs = performance.now()
      try {
        const window = queryWindow(panel, utc)
        const form =
          panel.tab === 'table'
            ? new URLSearchParams({ query: panel.expression, time: String(window.endSeconds) })
            : new URLSearchParams({ query: panel.expression, start: String(window.startSeconds), end: String(window.endSeconds), step: String(window.stepSeconds) })
        if (panel.tab === 'explain') form.set('explain', '1')
        const answer = await fetchApi<QueryResult>(panel.tab === 'table' ? 'query' : 'query_range', form, controller.signal)
        setShown({ answer, window, tab: panel.tab, tookSeconds: (performance.now() - startedMs) / 1000 })
        setError(undefined)
      } catch (caught) {
        if (controller.signal.aborted) return
        setError(caught instanceof Error ? caught : new Error(String(caught)))
      }
      if (inFlight.current === controller) setLoading(false)
    },
    [utc],
  )

  useEffect(() => setDraft(state.expression), [state.expression])
  useEffect(() => {
    void run(state)
    return () => inFlight.current?.abort()
  }, [state.expression, state.tab, state.range, state.end, state.step, run])
  useEffect(() => {
    if (refreshSeconds === 0) return
    const timer = setInterval(() => void run(state), refreshSeconds * 1000)
    return () => clearInterval(timer)
  }, [refreshSeconds, state, run])

  const execute = () => {
    if (draft === state.expression) void run(state)
    else onChange({ ...state, expression: draft })
  }
  const zoom = (startSeconds: number, endSeconds: number) =>
    onChange({ ...state, range: formatDurationSeconds(Math.max(1, endSeconds - startSeconds)), end: formatTime(Math.ceil(endSeconds) * 1000, utc) })

  const result = shown?.tab === state.tab ? shown : undefined
  return (
    <section class="panel" aria-busy={loading}>
      <div class="query-line">
        <ExpressionEditor value={state.expression} onChange={setDraft} onExecute={execute} />
        <button type="button" class="primary" onClick={execute}>Execute</button>
        {onRemove && <button type="button" class="quiet" title="Remove panel" onClick={onRemove}>×</button>}
      </div>
      <div class="controls">
        <div class="tabs" role="tablist">
          {(['graph', 'table', 'explain'] as const).map((tab) => (
            <button key={tab} type="button" role="tab" aria-selected={state.tab === tab} onClick={() => onChange({ ...state, tab })}>
              {tabNames[tab]}
            </button>
          ))}
        </div>
        {state.tab !== 'table' && <RangeControls state={state} onChange={onChange} />}
        <EndControl state={state} utc={utc} onChange={onChange} />
        <label>
          Refresh{' '}
          <select value={String(refreshSeconds)} onChange={(event) => setRefreshSeconds(Number(event.currentTarget.value))}>
            {refreshChoices.map((seconds) => <option key={seconds} value={String(seconds)}>{seconds === 0 ? 'off' : `${seconds}s`}</option>)}
          </select>
        </label>
        <span class="stats">
          {loading ? 'Loading…' : result && `${formatSeconds(result.tookSeconds)} · ${countSeries(result.answer.data)} series${result.tab !== 'table' ? ` · step ${formatSeconds(result.window.stepSeconds)}` : ''}`}
        </span>
      </div>
      {error && <Notice kind="error">{error.message}</Notice>}
      {result?.answer.warnings.map((text) => <Notice key={text} kind="warning">{text}</Notice>)}
      {result?.answer.infos.map((text) => <Notice key={text} kind="info">{text}</Notice>)}
      {result && !error && <Result shown={result} stacked={state.stacked} utc={utc} welcome={welcome} onZoom={zoom} />}
    </section>
  )
}

function Result({ shown, stacked, utc, welcome, onZoom }: { readonly shown: Shown; readonly stacked: boolean; readonly utc: boolean; readonly welcome: boolean; onZoom(start: number, end: number): void }) {
  const { data } = shown.answer
  if (shown.tab === 'table') return <ResultTable result={data} utc={utc} />
  if (shown.tab === 'explain') return data.explain === undefined ? null : <ExplainTable plan={data.explain} />
  if (data.resultType !== 'matrix') return null
  if (data.result.length === 0) return <p class="empty">{welcome ? 'Waiting for the first scrape…' : 'Empty query result'}</p>
  return <Graph series={data.result} {...shown.window} stacked={stacked} utc={utc} onZoom={onZoom} />
}

function RangeControls({ state, onChange }: { readonly state: PanelState; onChange(next: PanelState): void }) {
  const shift = (by: 1 | -1) => {
    const seconds = parseDurationSeconds(state.range) ?? 3_600
    const candidates = by > 0 ? rangeChoices.filter((choice) => choice > seconds) : rangeChoices.filter((choice) => choice < seconds)
    const next = by > 0 ? candidates[0] : candidates.at(-1)
    if (next !== undefined) onChange({ ...state, range: formatDurationSeconds(next) })
  }
  return (
    <>
      <span class="group">
        <button type="button" title="Shorter range" onClick={() => shift(-1)}>−</button>
        <TextField label="Range" value={state.range} valid={(text) => (parseDurationSeconds(text) ?? 0) > 0} onCommit={(range) => onChange({ ...state, range })} />
        <button type="button" title="Longer range" onClick={() => shift(1)}>+</button>
      </span>
      <TextField label="Step" value={state.step} hint="auto" valid={(text) => text === '' || (parseDurationSeconds(text) ?? 0) > 0} onCommit={(step) => onChange({ ...state, step })} />
      <label>
        <input type="checkbox" checked={state.stacked} onChange={(event) => onChange({ ...state, stacked: event.currentTarget.checked })} /> Stacked
      </label>
    </>
  )
}

function EndControl({ state, utc, onChange }: { readonly state: PanelState; readonly utc: boolean; onChange(next: PanelState): void }) {
  const rangeMs = (parseDurationSeconds(state.range) ?? 3_600) * 1000
  const move = (byMs: number) => onChange({ ...state, end: formatTime((parseTimeMs(state.end, utc) ?? Date.now()) + byMs, utc) })
  return (
    <span class="group">
      <button type="button" title="Earlier" onClick={() => move(-rangeMs / 2)}>‹</button>
      <TextField
        label={state.tab === 'table' ? 'Evaluation time' : 'End time'} value={state.end} hint="now" wide
        valid={(text) => text === '' || parseTimeMs(text, utc) !== undefined}
        onCommit={(end) => onChange({ ...state, end })}
      />
      <button type="button" title="Later" onClick={() => move(rangeMs / 2)}>›</button>
      {state.end !== '' && <button type="button" title="Back to now" onClick={() => onChange({ ...state, end: '' })}>now</button>}
    </span>
  )
}

type TextFieldProps = { readonly label: string; readonly value: string; readonly hint?: string; readonly wide?: boolean; valid(text: string): boolean; onCommit(text: string): void }

/** A field that takes effect on Enter or on leaving it, and marks what it cannot read. */
function TextField({ label, value, hint, wide, valid, onCommit }: TextFieldProps) {
  const [text, setText] = useState(value)
  useEffect(() => setText(value), [value])
  const commit = () => {
    if (valid(text) && text !== value) onCommit(text)
  }
  return (
    <input
      class={wide === true ? 'wide' : ''} aria-label={label} title={label} placeholder={hint} value={text} aria-invalid={!valid(text)}
      onInput={(event) => setText(event.currentTarget.value)}
      onBlur={commit}
      onKeyDown={(event) => event.key === 'Enter' && commit()}
    />
  )
}

function queryWindow(panel: PanelState, utc: boolean): Window {
  const rangeSeconds = parseDurationSeconds(panel.range) ?? 3_600
  const endSeconds = Math.round((parseTimeMs(panel.end, utc) ?? Date.now()) / 1000)
  const stepSeconds = parseDurationSeconds(panel.step) ?? Math.max(1, Math.ceil(rangeSeconds / 300))
  return { startSeconds: endSeconds - rangeSeconds, endSeconds, stepSeconds }
}

function countSeries(result: QueryResult): number {
  return result.resultType === 'matrix' || result.resultType === 'vector' ? result.result.length : 1
}
