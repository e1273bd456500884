// Underlines in the expression editor, where the server's messages point. They move with the text and go with what they mark.

import { StateEffect, StateField } from '@codemirror/state'
import { Decoration, EditorView, type DecorationSet } from '@codemirror/view'
import type { Position } from './positions.ts'

export type QueryMark = Pick<Position, 'from' | 'to'> & { readonly kind: 'error' | 'warning' | 'info'; readonly message: string }

/** Puts these in the place of all marks. */
export const setQueryMarks = StateEffect.define<readonly QueryMark[]>()

export const queryMarks = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update: (marks, transaction) => {
    const effect = transaction.effects.find((one) => one.is(setQueryMarks))
    if (effect === undefined) return marks.map(transaction.changes)
    const { length } = transaction.newDoc
    const fitting = (effect.value as readonly QueryMark[]).filter(({ from, to }) => from < to && to <= length) // it is that effect's
    return Decoration.set(fitting.map(({ from, to, kind, message }) => Decoration.mark({ class: `query-mark ${kind}`, attributes: { title: message } }).range(from, to)), true)
  },
  provide: (field) => EditorView.decorations.from(field),
})
