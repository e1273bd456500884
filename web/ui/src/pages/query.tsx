// The query page: any number of panels, their state in the address in the keys that Prometheus's links use
// (g0.expr, g0.tab, g0.range_input, g0.end_input, g0.step_input, g0.stacked).

import { useCallback, useState } from 'preact/hooks'
import { navigate, pageHref } from '../router.ts'
import { QueryPanel, type PanelState } from './queryPanel.tsx'

/** What a first visit shows: every server that scrapes anything has it, and it moves. */
const welcomeExpression = 'scrape_duration_seconds'

export function QueryPage({ search }: { readonly search: URLSearchParams }) {
  const [utc, setUtc] = useState(() => window.localStorage.getItem('utc') === 'true')
  const panels = readPanels(search)
  const write = useCallback((next: readonly PanelState[], replace: boolean) => navigate(pageHref('query', writePanels(next)), { replace }), [])
  return (
    <>
      <div class="page-tools">
        <label>
          <input
            type="checkbox"
            checked={utc}
            onChange={(event) => {
              setUtc(event.currentTarget.checked)
              window.localStorage.setItem('utc', String(event.currentTarget.checked))
            }}
          />{' '}
          UTC
        </label>
      </div>
      {panels.map((panel, index) => (
        <QueryPanel
          key={index}
          state={panel}
          utc={utc}
          welcome={!search.has('g0.expr')}
          onChange={(next) => write(panels.map((old, place) => (place === index ? next : old)), true)}
          {...(panels.length > 1 && { onRemove: () => write(panels.filter((_, place) => place !== index), false) })}
        />
      ))}
      <button type="button" class="quiet" onClick={() => write([...panels, emptyPanel('')], false)}>
        + Add panel
      </button>
    </>
  )
}

function emptyPanel(expression: string): PanelState {
  return { expression, tab: 'graph', range: '1h', end: '', step: '', stacked: false }
}

function readPanels(search: URLSearchParams): PanelState[] {
  const panels: PanelState[] = []
  for (let index = 0; search.has(`g${index}.expr`); index++) {
    const read = (key: string) => search.get(`g${index}.${key}`) ?? ''
    const tab = read('tab')
    panels.push({
      expression: read('expr'),
      tab: tab === '1' || tab === 'table' || tab === 'console' ? 'table' : tab === 'explain' ? 'explain' : 'graph',
      range: read('range_input') || '1h',
      end: read('end_input') || read('moment_input'),
      step: read('step_input') || read('res_step'),
      stacked: read('stacked') === '1',
    })
  }
  return panels.length > 0 ? panels : [{ ...emptyPanel(welcomeExpression), range: '5m' }]
}

function writePanels(panels: readonly PanelState[]): URLSearchParams {
  const search = new URLSearchParams()
  panels.forEach((panel, index) => {
    search.set(`g${index}.expr`, panel.expression)
    search.set(`g${index}.tab`, panel.tab === 'explain' ? 'explain' : panel.tab === 'table' ? '1' : '0')
    search.set(`g${index}.range_input`, panel.range)
    if (panel.end !== '') search.set(`g${index}.end_input`, panel.end)
    if (panel.step !== '') search.set(`g${index}.step_input`, panel.step)
    if (panel.stacked) search.set(`g${index}.stacked`, '1')
  })
  return search
}
