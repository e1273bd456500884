// The query page: any number of panels, their state in the address.

import { navigate, pageHref } from '../browser/router.ts'
import { emptyPanel, readPanels, writePanels, type PanelState } from '../query/state/panelState.ts'
import { QueryPanel } from '../query/queryPanel.tsx'

/** What a first visit shows: every server that scrapes anything has it, and it moves. */
const welcomePanel: PanelState = { ...emptyPanel('scrape_duration_seconds'), tab: 'graph', rangeSeconds: 300 }

export function QueryPage({ search }: { readonly search: URLSearchParams }) {
  const read = readPanels(search)
  const panels = read.length > 0 ? read : [welcomePanel]
  const write = (next: readonly PanelState[]) => navigate(pageHref('query', writePanels(next)))
  return (
    <>
      <h1 class="unseen">Query</h1>
      {panels.map((panel, index) => (
        <QueryPanel
          key={index}
          state={panel}
          welcome={read.length === 0}
          onChange={(next) => write(panels.with(index, next))}
          onDuplicate={() => write(panels.toSpliced(index, 0, panel))}
          {...(panels.length > 1 && { onRemove: () => write(panels.toSpliced(index, 1)) })}
        />
      ))}
      <button type="button" class="quiet" onClick={() => write([...panels, { ...(panels.at(-1) ?? welcomePanel), expression: '' }])}>
        + Add panel
      </button>
    </>
  )
}
