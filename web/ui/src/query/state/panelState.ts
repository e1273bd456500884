// What one panel of the query page asks and how it shows it, and the way of that into the address and back. The keys are
// those of Prometheus 3 (`g0.expr`, `g0.tab`, `g0.range_input` ...), of which those of Prometheus 2 are read as well, so that
// its links work here. Times in the address are UTC, whatever the page shows, so that a link is the same for everybody.

import { formatDurationSeconds, formatTime, parseDurationSeconds, parseTimeMs } from '../../format/time.ts'

export type Tab = 'table' | 'graph' | 'explain'
export type Display = 'lines' | 'stacked' | 'heatmap'
export type Density = 'low' | 'medium' | 'high'
export type Resolution = { readonly kind: 'density'; readonly density: Density } | { readonly kind: 'step'; readonly stepSeconds: number }

export type PanelState = {
  readonly expression: string
  readonly tab: Tab
  readonly rangeSeconds: number
  /** `undefined` for now. */
  readonly endMs: number | undefined
  readonly resolution: Resolution
  readonly display: Display
  readonly showsExemplars: boolean
}

/** Seconds. */
export type TimeGrid = { readonly startSeconds: number; readonly endSeconds: number; readonly stepSeconds: number }

const defaultRangeSeconds = 3_600
const pointsOf: Readonly<Record<Density, number>> = { low: 100, medium: 250, high: 750 }

export function emptyPanel(expression: string): PanelState {
  return { expression, tab: 'table', rangeSeconds: defaultRangeSeconds, endMs: undefined, resolution: { kind: 'density', density: 'medium' }, display: 'lines', showsExemplars: false }
}

export function stepSecondsOf({ resolution, rangeSeconds }: Pick<PanelState, 'resolution' | 'rangeSeconds'>): number {
  return resolution.kind === 'step' ? resolution.stepSeconds : Math.max(1, Math.floor(rangeSeconds / pointsOf[resolution.density]))
}

/** Up to now the steps lie on multiples of the step, so that the server can use what it answered before. */
export function timeGrid(panel: PanelState, nowMs: number): TimeGrid {
  const stepSeconds = stepSecondsOf(panel)
  const endSeconds = panel.endMs === undefined ? round(Math.floor(nowMs / 1000 / stepSeconds + 1e-6) * stepSeconds) : panel.endMs / 1000
  return { startSeconds: round(endSeconds - Math.floor(panel.rangeSeconds / stepSeconds + 1e-6) * stepSeconds), endSeconds, stepSeconds }
}

/** To the millisecond, where the arithmetic of fractions of a second leaves dust. */
function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000
}

export function readPanels(search: URLSearchParams): PanelState[] {
  const panels: PanelState[] = []
  for (let index = 0; search.has(`g${index}.expr`); index++) panels.push(readPanel((key) => search.get(`g${index}.${key}`) ?? ''))
  return panels
}

function readPanel(read: (key: string) => string): PanelState {
  const panel = emptyPanel(read('expr'))
  const rangeSeconds = parseDurationSeconds(read('range_input')) ?? 0
  return {
    ...panel,
    tab: readTab(read('tab')),
    rangeSeconds: rangeSeconds > 0 ? rangeSeconds : panel.rangeSeconds,
    endMs: parseTimeMs(read('end_input') || read('moment_input'), true),
    resolution: readResolution(read) ?? panel.resolution,
    display: read('display_mode') === 'heatmap' ? 'heatmap' : read('display_mode') === 'stacked' || read('stacked') === '1' ? 'stacked' : 'lines',
    showsExemplars: read('show_exemplars') === '1',
  }
}

/** Without a tab it is the table, as there. */
function readTab(text: string): Tab {
  if (text === '0' || text === 'graph') return 'graph'
  return text === 'explain' ? 'explain' : 'table'
}

function readResolution(read: (key: string) => string): Resolution | undefined {
  const density = read('res_density')
  if (density === 'low' || density === 'medium' || density === 'high') return { kind: 'density', density }
  const stepSeconds = parseDurationSeconds(read('res_step') || read('step_input')) ?? 0
  return stepSeconds > 0 ? { kind: 'step', stepSeconds } : undefined
}

/** What is as in an empty panel is left out, but for the tab and the range. */
export function writePanels(panels: readonly PanelState[]): URLSearchParams {
  const search = new URLSearchParams()
  panels.forEach((panel, index) => {
    const write = (key: string, value: string) => search.set(`g${index}.${key}`, value)
    write('expr', panel.expression)
    write('tab', panel.tab === 'graph' ? '0' : panel.tab === 'table' ? '1' : 'explain')
    write('range_input', formatDurationSeconds(panel.rangeSeconds))
    if (panel.endMs !== undefined) {
      write('end_input', formatTime(panel.endMs, true))
      write('moment_input', formatTime(panel.endMs, true))
    }
    if (panel.resolution.kind === 'step') {
      write('res_type', 'custom')
      write('res_step', String(panel.resolution.stepSeconds))
    } else if (panel.resolution.density !== 'medium') {
      write('res_type', 'auto')
      write('res_density', panel.resolution.density)
    }
    if (panel.display !== 'lines') write('display_mode', panel.display)
    if (panel.showsExemplars) write('show_exemplars', '1')
  })
  return search
}
