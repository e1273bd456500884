// The result of a panel in the form of its tab. What a plot needs is loaded with the first plot.

import { useMemo } from 'preact/hooks'
import { useLazy } from '../components/useLazy.ts'
import { Notice } from '../components/notice.tsx'
import { useSettings } from '../browser/settings.ts'
import { ExplainTable } from './explain/explainTable.tsx'
import { classicHeatmaps, heatmapOf } from './plots/heatmapGrid.ts'
import { maxSeries, type Shown } from './panelQuery.ts'
import type { Display } from './state/panelState.ts'
import { ResultTable } from './resultTable.tsx'

type Props = { readonly shown: Shown; readonly display: Display; readonly welcome: boolean; onZoom(startSeconds: number, endSeconds: number): void }

export function Result({ shown, display, welcome, onZoom }: Props) {
  const { utc } = useSettings()
  const { data } = shown.answer
  switch (shown.tab) {
    case 'table':
      return <ResultTable key={shown.expression} result={data} isTruncated={shown.isTruncated} utc={utc} />
    case 'explain':
      return data.explain === undefined ? null : <ExplainTable plan={data.explain} stats={data.stats} tookSeconds={shown.tookSeconds} />
    case 'graph':
      if (data.resultType !== 'matrix') return null
      if (data.result.length === 0) return <p class="empty">{welcome ? 'Waiting for the first scrape…' : 'Empty query result'}</p>
      return <Plots shown={shown} series={data.result} display={display} onZoom={onZoom} />
  }
}

/** Each takes a third of the page. */
const maxHeatmaps = 12

const loadPlots = async () => {
  const [{ Graph }, { HeatmapView }] = await Promise.all([import('./plots/graph.tsx'), import('./plots/heatmapView.tsx')])
  return { Graph, HeatmapView }
}

/** Series of numbers in one graph, native histograms in a heat map each, and so are classic ones when that is wanted. */
function Plots({ shown, series, display, onZoom }: Omit<Props, 'welcome'> & { readonly series: Extract<Shown['answer']['data'], { resultType: 'matrix' }>['result'] }) {
  const { utc, theme } = useSettings()
  const plots = useLazy(loadPlots)
  const { heatmaps, lines } = useMemo(() => {
    const native = series.flatMap(({ metric, histograms = [] }) => (histograms.length === 0 ? [] : [heatmapOf(metric, histograms)]))
    const numbers = series.filter(({ values = [] }) => values.length > 0)
    const classic = display === 'heatmap' ? classicHeatmaps(numbers) : []
    return { heatmaps: [...native, ...classic], lines: classic.length > 0 ? numbers.filter(({ metric }) => metric['le'] === undefined) : numbers }
  }, [series, display])
  if (plots === undefined) return <div class="canvas" />
  const { Graph, HeatmapView } = plots
  const view = { grid: shown.grid, utc, theme, onZoom }
  return (
    <>
      {shown.isTruncated && <Notice kind="info">The first {maxSeries.graph} series of more. Aggregate or select fewer to see the others.</Notice>}
      {display === 'heatmap' && heatmaps.length === 0 && <Notice kind="info">A heat map needs native histograms or series with the label le.</Notice>}
      {lines.length > 0 && <Graph series={lines} exemplars={shown.exemplars} stacked={display === 'stacked'} {...view} />}
      {heatmaps.slice(0, maxHeatmaps).map((heatmap) => <HeatmapView key={heatmap.name} heatmap={heatmap} {...view} />)}
      {heatmaps.length > maxHeatmaps && <Notice kind="info">{heatmaps.length - maxHeatmaps} more histograms. Add them up to see them in one.</Notice>}
    </>
  )
}
