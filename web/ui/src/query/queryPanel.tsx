// One query with its editor, its controls, what the server says of it, and its result.

import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks'
import { fetchApi } from '../api/fetchApi.ts'
import { useLazy } from '../components/useLazy.ts'
import { formatDurationSeconds, formatSeconds } from '../format/time.ts'
import type { EditorHandle } from './editor/expressionEditor.tsx'
import { HistoryDialog } from './editor/historyDialog.tsx'
import { marksOf, Messages, type QueryMessage } from './editor/messages.tsx'
import { MetricsExplorer } from './editor/metricsExplorer.tsx'
import { DisplayControl, EndControl, RangeControl, RefreshControl, ResolutionControl, Tabs } from './panelControls.tsx'
import { usePanelQuery, type PanelQuery, type Shown } from './panelQuery.ts'
import { Result } from './result.tsx'
import type { PanelState } from './state/panelState.ts'

type Props = {
  readonly state: PanelState
  /** Nobody has asked for anything yet: keep asking until there is something to show. */
  readonly welcome: boolean
  onChange(next: PanelState): void
  onDuplicate(): void
  onRemove?(): void
}

const loadEditor = () => import('./editor/expressionEditor.tsx')

export function QueryPanel({ state, welcome, onChange, onDuplicate, onRemove }: Props) {
  const [draft, setDraft] = useState(state.expression)
  const [refreshSeconds, setRefreshSeconds] = useState(welcome ? 5 : 0)
  const [dialog, setDialog] = useState<'history' | 'metrics'>()
  const [formatError, setFormatError] = useState<QueryMessage & { readonly expression: string }>()
  const editor = useRef<EditorHandle>(undefined)
  const resultId = useId()
  const query = usePanelQuery(state)
  const { shown, failed, loading, run, cancel } = query

  useEffect(() => setDraft(state.expression), [state.expression])
  useEffect(() => setFormatError(undefined), [shown, failed])
  useEffect(() => {
    // Counted from the answer: asking again would end a query that takes longer than that.
    if (refreshSeconds === 0 || loading) return
    const timer = setInterval(() => document.hidden || run(), refreshSeconds * 1000)
    return () => clearInterval(timer)
  }, [refreshSeconds, run, loading])

  const execute = () => {
    if (draft === state.expression) run()
    else onChange({ ...state, expression: draft })
  }
  const format = () =>
    fetchApi<string>('format_query', new URLSearchParams({ query: draft })).then(
      ({ data }) => editor.current?.replace(data),
      (error: Error) => setFormatError({ kind: 'error', text: error.message, expression: draft }),
    )
  const zoom = (startSeconds: number, endSeconds: number) => {
    const end = Math.ceil(endSeconds)
    onChange({ ...state, rangeSeconds: Math.max(1, end - Math.floor(startSeconds)), endMs: end * 1000 })
  }

  const { messages, expression } = useMemo(() => (formatError === undefined ? messagesOf(query) : { messages: [formatError], expression: formatError.expression }), [shown, failed, formatError])
  const marks = useMemo(() => marksOf(messages, expression), [messages, expression])
  const result = shown?.tab === state.tab ? shown : undefined
  return (
    <section class="panel query" aria-label="Query" aria-busy={loading}>
      <div class="query-line">
        <Editor
          value={state.expression} draft={draft} marks={marks} onChange={setDraft} onExecute={execute}
          onReady={(handle) => (editor.current = handle)}
        />
        <button type="button" class="primary" onClick={execute}>Execute</button>
      </div>
      <div class="controls">
        <Tabs state={state} panelId={resultId} onChange={onChange} />
        <span class="group">
          <button type="button" class="quiet" onClick={() => setDialog('metrics')}>Metrics</button>
          <button type="button" class="quiet" onClick={() => setDialog('history')}>History</button>
          <button type="button" class="quiet" onClick={() => void format()}>Format</button>
          <button type="button" class="quiet" onClick={onDuplicate}>Duplicate</button>
          {onRemove && <button type="button" class="quiet" onClick={onRemove}>Remove</button>}
        </span>
        <span class="stats" role="status">{loading ? <>Loading… <button type="button" onClick={cancel}>Cancel</button></> : result && statsOf(result)}</span>
      </div>
      <div class="controls">
        {state.tab !== 'table' && <RangeControl state={state} onChange={onChange} />}
        <EndControl state={state} onChange={onChange} />
        {state.tab !== 'table' && <ResolutionControl state={state} onChange={onChange} />}
        {state.tab === 'graph' && <DisplayControl state={state} onChange={onChange} />}
        <RefreshControl seconds={refreshSeconds} onChange={setRefreshSeconds} />
      </div>
      <Messages messages={messages} expression={expression} onSelect={(from, to) => editor.current?.select(from, to)} />
      <div id={resultId} role="tabpanel" class={loading ? 'result-area loading' : 'result-area'}>
        {result !== undefined && failed === undefined && <Result shown={result} display={state.display} welcome={welcome} onZoom={zoom} />}
        {state.expression.trim() === '' && !loading && <p class="empty">Type an expression, or choose one of the metrics.</p>}
      </div>
      {dialog === 'history' && (
        <HistoryDialog onClose={() => setDialog(undefined)} onChoose={(text) => {
          setDialog(undefined)
          onChange({ ...state, expression: text })
        }} />
      )}
      {dialog === 'metrics' && (
        <MetricsExplorer onClose={() => setDialog(undefined)} onInsert={(text) => {
          setDialog(undefined)
          editor.current?.insert(text)
        }} />
      )}
    </section>
  )
}

type EditorProps = Omit<Parameters<Awaited<ReturnType<typeof loadEditor>>['ExpressionEditor']>[0], 'initial'> & { readonly draft: string }

/** A plain text field until the editor is loaded. */
function Editor({ draft, value, ...props }: EditorProps) {
  const loaded = useLazy(loadEditor)
  if (loaded !== undefined) return <loaded.ExpressionEditor {...props} value={value} initial={draft} />
  return (
    <textarea
      class="editor plain" aria-label="Expression" rows={draft.split('\n').length} value={draft}
      onInput={(event) => props.onChange(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' || event.shiftKey) return
        event.preventDefault()
        props.onExecute()
      }}
    />
  )
}

function messagesOf({ shown, failed }: PanelQuery): { readonly messages: readonly QueryMessage[]; readonly expression: string } {
  if (failed !== undefined) return { messages: [{ kind: 'error', text: failed.error.message }], expression: failed.expression }
  if (shown === undefined) return { messages: [], expression: '' }
  const { warnings, infos } = shown.answer
  return {
    messages: [...warnings.map((text) => ({ kind: 'warning', text }) as const), ...infos.map((text) => ({ kind: 'info', text }) as const)],
    expression: shown.expression,
  }
}

function statsOf({ answer: { data }, grid, tab, isTruncated, tookSeconds }: Shown): string {
  const count = data.resultType === 'matrix' || data.resultType === 'vector' ? data.result.length : 1
  const series = tab === 'explain' ? [] : [`${isTruncated ? 'more than ' : ''}${count} series`]
  return [formatSeconds(tookSeconds), ...series, ...(tab === 'table' ? [] : [`step ${formatDurationSeconds(grid.stepSeconds)}`])].join(' · ')
}
