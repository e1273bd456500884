// A long list a page at a time, so that ten thousand rows do not hold up the browser.

import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'

/** The rows to show now, and the button for the next ones when there are any. */
export function usePages<Row>(rows: readonly Row[], pageRows: number): { readonly shown: readonly Row[]; readonly more: ComponentChildren } {
  const [pages, setPages] = useState(1)
  const rest = rows.length - pages * pageRows
  return {
    shown: rows.slice(0, pages * pageRows),
    more: rest > 0 && <button type="button" class="more" onClick={() => setPages(pages + 1)}>Show {Math.min(rest, pageRows)} more of {rest}</button>,
  }
}
