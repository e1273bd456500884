// What a panel asks for besides its expression: which tab, which time, how fine, and how a graph is drawn.

import { useSettings } from '../browser/settings.ts'
import { TextField } from '../components/textField.tsx'
import { formatDurationSeconds, formatTime, parseDurationSeconds, parseTimeMs } from '../format/time.ts'
import { stepSecondsOf, type Density, type Display, type PanelState, type Resolution, type Tab } from './state/panelState.ts'

type Props = { readonly state: PanelState; onChange(next: PanelState): void }

const tabNames: Readonly<Record<Tab, string>> = { table: 'Table', graph: 'Graph', explain: 'Explain' }
const tabOrder: readonly Tab[] = ['table', 'graph', 'explain']
const rangeChoices = [1, 10, 60, 300, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600, 2_419_200, 7_257_600, 31_536_000, 63_072_000]

/** The arrow keys go from tab to tab. */
export function Tabs({ state, panelId, onChange }: Props & { readonly panelId: string }) {
  const step = (event: KeyboardEvent) => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    if (by === 0) return
    const next = tabOrder[(tabOrder.indexOf(state.tab) + by + tabOrder.length) % tabOrder.length]
    if (next === undefined) return
    onChange({ ...state, tab: next })
    if (event.currentTarget instanceof HTMLElement) event.currentTarget.querySelector<HTMLElement>(`[data-tab=${next}]`)?.focus()
  }
  return (
    <div class="tabs" role="tablist" aria-label="Result as" onKeyDown={step}>
      {tabOrder.map((tab) => (
        <button
          key={tab} type="button" role="tab" data-tab={tab} aria-selected={state.tab === tab} aria-controls={panelId} tabIndex={state.tab === tab ? 0 : -1}
          onClick={() => onChange({ ...state, tab })}
        >
          {tabNames[tab]}
        </button>
      ))}
    </div>
  )
}

export function RangeControl({ state, onChange }: Props) {
  const shift = (by: 1 | -1) => {
    const { rangeSeconds } = state
    const next = by > 0 ? rangeChoices.find((choice) => choice > rangeSeconds) : rangeChoices.findLast((choice) => choice < rangeSeconds)
    if (next !== undefined) onChange({ ...state, rangeSeconds: next })
  }
  return (
    <span class="group">
      <button type="button" aria-label="Shorter range" title="Shorter range" onClick={() => shift(-1)}>−</button>
      <TextField
        label="Range" value={formatDurationSeconds(state.rangeSeconds)} valid={(text) => (parseDurationSeconds(text) ?? 0) > 0}
        onCommit={(text) => onChange({ ...state, rangeSeconds: parseDurationSeconds(text) ?? state.rangeSeconds })}
      />
      <button type="button" aria-label="Longer range" title="Longer range" onClick={() => shift(1)}>+</button>
    </span>
  )
}

export function EndControl({ state, onChange }: Props) {
  const { utc } = useSettings()
  const move = (byMs: number) => onChange({ ...state, endMs: Math.round(((state.endMs ?? Date.now()) + byMs) / 1000) * 1000 })
  const halfRangeMs = state.rangeSeconds * 500
  return (
    <span class="group">
      <button type="button" aria-label="Earlier" title="Earlier" onClick={() => move(-halfRangeMs)}>‹</button>
      <TextField
        label={state.tab === 'table' ? 'Evaluation time' : 'End time'} value={state.endMs === undefined ? '' : formatTime(state.endMs, utc)} hint="now" wide
        valid={(text) => text.trim() === '' || parseTimeMs(text, utc) !== undefined}
        onCommit={(text) => onChange({ ...state, endMs: parseTimeMs(text, utc) })}
      />
      <button type="button" aria-label="Later" title="Later" onClick={() => move(halfRangeMs)}>›</button>
      {state.endMs !== undefined && <button type="button" title="Back to now" onClick={() => onChange({ ...state, endMs: undefined })}>now</button>}
    </span>
  )
}

const densityNames: Readonly<Record<Density, string>> = { low: 'Low res.', medium: 'Medium res.', high: 'High res.' }

/** How many points, or which step. */
export function ResolutionControl({ state, onChange }: Props) {
  const { resolution } = state
  const choose = (value: string): Resolution =>
    value === 'low' || value === 'medium' || value === 'high' ? { kind: 'density', density: value } : { kind: 'step', stepSeconds: stepSecondsOf(state) }
  return (
    <span class="group">
      <select aria-label="Resolution" value={resolution.kind === 'step' ? 'step' : resolution.density} onChange={(event) => onChange({ ...state, resolution: choose(event.currentTarget.value) })}>
        {Object.entries(densityNames).map(([density, name]) => <option key={density} value={density}>{name}</option>)}
        <option value="step">Step …</option>
      </select>
      {resolution.kind === 'step' && (
        <TextField
          label="Step" value={formatDurationSeconds(resolution.stepSeconds)} valid={(text) => (parseDurationSeconds(text) ?? 0) > 0}
          onCommit={(text) => onChange({ ...state, resolution: { kind: 'step', stepSeconds: parseDurationSeconds(text) ?? resolution.stepSeconds } })}
        />
      )}
    </span>
  )
}

const displayNames: Readonly<Record<Display, string>> = { lines: 'Lines', stacked: 'Stacked', heatmap: 'Heat map' }

export function DisplayControl({ state, onChange }: Props) {
  return (
    <>
      <span class="tabs" role="group" aria-label="Drawn as">
        {(['lines', 'stacked', 'heatmap'] as const).map((display) => (
          <button key={display} type="button" aria-pressed={state.display === display} onClick={() => onChange({ ...state, display })}>{displayNames[display]}</button>
        ))}
      </span>
      <label>
        <input type="checkbox" checked={state.showsExemplars} onChange={(event) => onChange({ ...state, showsExemplars: event.currentTarget.checked })} /> Exemplars
      </label>
    </>
  )
}

const refreshChoices = [0, 5, 15, 60, 300]

export function RefreshControl({ seconds, onChange }: { readonly seconds: number; onChange(seconds: number): void }) {
  return (
    <label>
      Refresh{' '}
      <select value={String(seconds)} onChange={(event) => onChange(Number(event.currentTarget.value))}>
        {refreshChoices.map((choice) => <option key={choice} value={String(choice)}>{choice === 0 ? 'off' : formatDurationSeconds(choice)}</option>)}
      </select>
    </label>
  )
}
