// What is under the cursor of a plot, beside the cursor.

import type { ComponentChildren } from 'preact'

/** Pixels from the corner of the element that the plot is in. */
export type TooltipPlace = { readonly left: number; readonly top: number; readonly isLeftOf: boolean }

export function Tooltip({ left, top, isLeftOf, children }: TooltipPlace & { readonly children: ComponentChildren }) {
  return (
    <div class="tooltip" role="status" style={{ left: `${left}px`, top: `${top}px`, transform: `translate(${isLeftOf ? 'calc(-100% - 14px)' : '14px'}, -50%)` }}>
      {children}
    </div>
  )
}
