// A modal dialog: the browser's own, which keeps the focus inside, closes on Escape and gives the focus back.

import { useEffect, useRef } from 'preact/hooks'
import type { ComponentChildren } from 'preact'

export function Dialog({ title, onClose, children }: { readonly title: string; onClose(): void; readonly children: ComponentChildren }) {
  const element = useRef<HTMLDialogElement>(null)
  useEffect(() => element.current?.showModal(), [])
  return (
    <dialog
      ref={element} aria-label={title} onClose={onClose}
      onClick={(event) => event.target === element.current && onClose()}
    >
      <header><h2>{title}</h2><button type="button" class="quiet" aria-label="Close" onClick={onClose}>×</button></header>
      {children}
    </dialog>
  )
}
