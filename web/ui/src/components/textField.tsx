// A field that takes effect on Enter or on leaving it, and marks what it cannot read.

import { useEffect, useState } from 'preact/hooks'

type Props = {
  readonly label: string
  readonly value: string
  readonly hint?: string
  readonly wide?: boolean
  valid(text: string): boolean
  onCommit(text: string): void
}

export function TextField({ label, value, hint, wide, valid, onCommit }: Props) {
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
