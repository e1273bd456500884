// What narrows a list down while it is typed.

type Props = {
  readonly label: string
  /** Shown while the field is empty; the label by default. */
  readonly hint?: string
  readonly value: string
  /** Has the focus, and leaves Escape to the dialog instead of emptying the field. */
  readonly inDialog?: boolean
  onChange(text: string): void
}

export function SearchField({ label, hint = label, value, inDialog = false, onChange }: Props) {
  const common = { class: 'search', placeholder: hint, 'aria-label': label, value, onInput: (event: InputEvent) => onChange((event.currentTarget as HTMLInputElement).value) } // the event is the field's
  return inDialog ? <input type="text" autofocus {...common} /> : <input type="search" {...common} />
}

/** Whether `text` contains what was typed, in upper or lower case. */
export function contains(text: string, typed: string): boolean {
  return text.toLowerCase().includes(typed.toLowerCase())
}
