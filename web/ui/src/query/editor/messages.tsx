// What the server says of a query: its error, warnings and infos. A place that a message names is a link into the query.

import type { ComponentChildren } from 'preact'
import { Notice } from '../../components/notice.tsx'
import { positionsIn } from './positions.ts'
import type { QueryMark } from './queryMarks.ts'

export type QueryMessage = { readonly kind: QueryMark['kind']; readonly text: string }

/** What to underline in the expression that the messages are about. */
export function marksOf(messages: readonly QueryMessage[], expression: string): QueryMark[] {
  return messages.flatMap(({ kind, text }) => positionsIn(text, expression).map(({ from, to }) => ({ from, to, kind, message: text })))
}

type Props = { readonly messages: readonly QueryMessage[]; readonly expression: string; onSelect(from: number, to: number): void }

export function Messages({ messages, expression, onSelect }: Props) {
  return (
    <>
      {messages.map(({ kind, text }) => <Notice key={text} kind={kind}>{withLinks(text, expression, onSelect)}</Notice>)}
    </>
  )
}

function withLinks(message: string, expression: string, onSelect: Props['onSelect']): ComponentChildren[] {
  const parts: ComponentChildren[] = []
  let done = 0
  for (const { from, to, text, at } of positionsIn(message, expression)) {
    parts.push(message.slice(done, at), <button type="button" class="place" title="Show in the expression" onClick={() => onSelect(from, to)}>{text}</button>)
    done = at + text.length
  }
  return [...parts, message.slice(done)]
}
