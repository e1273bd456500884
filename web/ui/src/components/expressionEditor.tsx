// The expression editor: CodeMirror with PromQL highlighting, linting and completion from the live server.

import { useEffect, useRef } from 'preact/hooks'
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, startCompletion } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap, insertNewline } from '@codemirror/commands'
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language'
import { lintKeymap } from '@codemirror/lint'
import { EditorState, Prec } from '@codemirror/state'
import { EditorView, keymap, placeholder } from '@codemirror/view'
import { PromQLExtension } from '@prometheus-io/codemirror-promql'
import { tags } from '@lezer/highlight'
import { serverUrl } from '../router.ts'

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

type Props = {
  /** What the editor shows until somebody types. Giving what was typed back would race with the next keystroke. */
  readonly value: string
  onChange(text: string): void
  onExecute(): void
}

/** Enter runs the query, Shift-Enter breaks the line, Ctrl-Space completes. */
export function ExpressionEditor({ value, onChange, onExecute }: Props) {
  const host = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView>(undefined)
  const callbacks = useRef({ onChange, onExecute })
  callbacks.current = { onChange, onExecute }

  useEffect(() => {
    if (host.current === null) return
    const prefix = serverUrl().pathname.replace(/\/$/, '')
    const promql = new PromQLExtension()
    promql.setComplete({ remote: { url: `${window.location.origin}${prefix}`, fetchFn: (input, init) => fetch(input, init) }, maxMetricsMetadata: 10_000 })
    const editor = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: value,
        extensions: [
          history(), bracketMatching(), closeBrackets(), indentOnInput(), autocompletion(),
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
    return () => editor.destroy()
    // The editor lives as long as the component; later values arrive through the effect below.
  }, [])

  useEffect(() => {
    const editor = view.current
    if (editor !== undefined && editor.state.doc.toString() !== value) {
      editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } })
    }
  }, [value])

  return <div class="editor" ref={host} />
}
