// The expression editor: CodeMirror with PromQL highlighting, linting and completion from the live server and from what
// was asked before. Loaded after the page, which shows a plain text field until then.

import { useEffect, useRef } from 'preact/hooks'
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, startCompletion, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap, insertNewline } from '@codemirror/commands'
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language'
import { lintKeymap } from '@codemirror/lint'
import { EditorState, Prec } from '@codemirror/state'
import { EditorView, keymap, placeholder } from '@codemirror/view'
import { newCompleteStrategy, PromQLExtension, type CompleteStrategy } from '@prometheus-io/codemirror-promql'
import { tags } from '@lezer/highlight'
import { serverUrl } from '../../browser/router.ts'
import { readHistory } from '../state/history.ts'
import { queryMarks, setQueryMarks, type QueryMark } from './queryMarks.ts'

const colours = HighlightStyle.define([
  { tag: tags.number, color: 'var(--code-number)' },
  { tag: tags.string, color: 'var(--code-string)' },
  { tag: tags.keyword, color: 'var(--code-keyword)', fontWeight: '600' },
  { tag: tags.function(tags.variableName), color: 'var(--code-function)' },
  { tag: tags.labelName, color: 'var(--code-label)' },
  { tag: tags.operator, color: 'var(--code-keyword)' },
  { tag: tags.modifier, color: 'var(--code-keyword)' },
  { tag: tags.comment, color: 'var(--muted)', fontStyle: 'italic' },
  { tag: tags.invalid, color: 'var(--bad)' },
])

/** What the page may do with an editor that is there. */
export type EditorHandle = {
  /** In the place of all text. */
  replace(text: string): void
  /** In the place of what is selected. */
  insert(text: string): void
  select(from: number, to: number): void
}

type Props = {
  /** What was typed before the editor was there. */
  readonly initial: string
  /** What the editor shows until somebody types. Giving what was typed back would race with the next keystroke. */
  readonly value: string
  readonly marks: readonly QueryMark[]
  onChange(text: string): void
  onExecute(): void
  onReady(handle: EditorHandle): void
}

/** Enter runs the query, Shift-Enter breaks the line, Ctrl-Space completes. */
export function ExpressionEditor({ initial, value, marks, onChange, onExecute, onReady }: Props) {
  const host = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView>(undefined)
  const callbacks = useRef({ onChange, onExecute })
  callbacks.current = { onChange, onExecute }

  useEffect(() => {
    if (host.current === null) return
    const promql = new PromQLExtension()
    promql.setComplete({ completeStrategy: completionWithHistory() })
    const editor = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: initial,
        extensions: [
          history(), bracketMatching(), closeBrackets(), indentOnInput(), autocompletion(), queryMarks,
          syntaxHighlighting(colours), promql.asExtension(), EditorView.lineWrapping,
          placeholder('Expression (Enter to run, Shift+Enter for a new line)'),
          EditorView.contentAttributes.of({ 'aria-label': 'Expression' }),
          Prec.high(keymap.of([
            { key: 'Enter', run: () => (callbacks.current.onExecute(), true) },
            { key: 'Shift-Enter', run: insertNewline },
            { key: 'Ctrl-Space', run: startCompletion },
          ])),
          Prec.highest(keymap.of(completionKeymap)),
          keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...lintKeymap]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) callbacks.current.onChange(update.state.doc.toString())
          }),
        ],
      }),
    })
    view.current = editor
    onReady(handleOf(editor))
    return () => {
      promql.destroy()
      editor.destroy()
    }
    // The editor lives as long as the component; later values arrive through the effect below.
  }, [])

  const given = useRef(value)
  useEffect(() => {
    const editor = view.current
    if (given.current === value) return
    given.current = value
    if (editor !== undefined && editor.state.doc.toString() !== value) {
      editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } })
    }
  }, [value])
  useEffect(() => view.current?.dispatch({ effects: setQueryMarks.of(marks) }), [marks])

  return <div class="editor" ref={host} />
}

function handleOf(editor: EditorView): EditorHandle {
  return {
    replace: (text) => {
      editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text } })
      editor.focus()
    },
    insert: (text) => {
      editor.dispatch(editor.state.replaceSelection(text))
      editor.focus()
    },
    select: (from, to) => {
      const { length } = editor.state.doc
      editor.dispatch({ selection: { anchor: Math.min(from, length), head: Math.min(to, length) }, scrollIntoView: true })
      editor.focus()
    },
  }
}

/** What the server knows, and earlier queries where a whole query may stand. */
function completionWithHistory(): CompleteStrategy {
  const prefix = serverUrl().pathname.replace(/\/$/, '')
  const fromServer = newCompleteStrategy({ remote: { url: `${window.location.origin}${prefix}`, fetchFn: (input, init) => fetch(input, init) }, maxMetricsMetadata: 10_000 })
  return {
    promQL: async (context) => withHistory(await fromServer.promQL(context), context),
    destroy: () => fromServer.destroy?.(),
  }
}

function withHistory(result: CompletionResult | null, { state, pos }: CompletionContext): CompletionResult | null {
  const from = result?.from ?? pos
  // A whole query takes the place of a first word, and of nothing else.
  if (state.sliceDoc(0, from).trim() !== '' || state.sliceDoc(pos).trim() !== '') return result
  const earlier = readHistory().map((expression) => ({ label: expression, detail: 'earlier query', boost: -20 }))
  return { ...(result ?? { from }), options: [...(result?.options ?? []), ...earlier] }
}
