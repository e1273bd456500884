import { describe, expect, it } from 'vitest'
import { emptyPanel, readPanels, timeGrid, writePanels, type PanelState } from './panelState.ts'

const read = (text: string) => readPanels(new URLSearchParams(text))

describe('a panel in the address', () => {
  const endMs = Date.parse('2026-03-01T10:00:00Z')
  const panels: readonly PanelState[] = [
    emptyPanel('up'),
    { expression: 'rate(a[5m]) + b{c="d&e"}', tab: 'graph', rangeSeconds: 5_400, endMs, resolution: { kind: 'step', stepSeconds: 0.5 }, display: 'stacked', showsExemplars: true },
    { ...emptyPanel('sum(x)'), tab: 'explain', resolution: { kind: 'density', density: 'high' }, display: 'heatmap' },
  ]

  it('comes back as it was', () => expect(read(writePanels(panels).toString())).toEqual(panels))

  const reads = (what: string, text: string, expected: Partial<PanelState>) =>
    it(`is read from ${what}`, () => expect(read(text)).toEqual([{ ...emptyPanel('up'), ...expected }]))
  reads('the link of an alert', 'g0.expr=up&g0.tab=1', { tab: 'table' })
  reads('a link without a tab', 'g0.expr=up', { tab: 'table' })
  reads('a graph of Prometheus 2', 'g0.expr=up&g0.tab=0&g0.stacked=1&g0.show_exemplars=0&g0.range_input=2h&g0.end_input=2026-03-01%2010%3A00%3A00&g0.step_input=30',
    { tab: 'graph', display: 'stacked', rangeSeconds: 7_200, endMs, resolution: { kind: 'step', stepSeconds: 30 } })
  reads('a graph of Prometheus 3', 'g0.expr=up&g0.show_tree=0&g0.tab=graph&g0.end_input=2026-03-01+10%3A00%3A00&g0.moment_input=2026-03-01+10%3A00%3A00&g0.range_input=1d&g0.res_type=auto&g0.res_density=low&g0.display_mode=heatmap&g0.show_exemplars=1',
    { tab: 'graph', display: 'heatmap', rangeSeconds: 86_400, endMs, resolution: { kind: 'density', density: 'low' }, showsExemplars: true })
  reads('text that is no time', 'g0.expr=up&g0.range_input=long&g0.end_input=soon&g0.res_step=-1', {})
})

describe('the steps of a panel', () => {
  const nowMs = 1_000_003_250

  it('end where the panel ends', () =>
    expect(timeGrid({ ...emptyPanel('up'), endMs: 1_000_000, resolution: { kind: 'step', stepSeconds: 7 } }, nowMs)).toEqual({ startSeconds: 1_000 - 3_598, endSeconds: 1_000, stepSeconds: 7 }))

  it('lie on multiples of the step and end before now', () => {
    expect(timeGrid({ ...emptyPanel('up'), resolution: { kind: 'step', stepSeconds: 15 } }, nowMs)).toEqual({ startSeconds: 996_390, endSeconds: 999_990, stepSeconds: 15 })
    expect(timeGrid({ ...emptyPanel('up'), rangeSeconds: 1, resolution: { kind: 'step', stepSeconds: 0.1 } }, nowMs)).toEqual({ startSeconds: 1_000_002.2, endSeconds: 1_000_003.2, stepSeconds: 0.1 })
  })

  it('are as many as the resolution says', () => {
    const points = (density: 'low' | 'medium' | 'high') => 3_600 / timeGrid({ ...emptyPanel('up'), resolution: { kind: 'density', density } }, nowMs).stepSeconds
    expect([points('low'), Math.floor(points('medium')), points('high')]).toEqual([100, 257, 900])
  })
})
