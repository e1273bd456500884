// The series of a graph: a click singles one out, Ctrl+click hides it.

import { formatValue } from '../../format/number.ts'

export type LegendEntry = { readonly name: string; readonly colour: string; readonly isHidden: boolean; readonly value?: number | null }

export function Legend({ entries, onToggle }: { readonly entries: readonly LegendEntry[]; onToggle(name: string, isAlone: boolean): void }) {
  return (
    <ul class="legend" aria-label="Series">
      {entries.map(({ name, colour, isHidden, value }) => (
        <li key={name} class={isHidden ? 'hidden' : ''}>
          <button type="button" aria-pressed={!isHidden} onClick={(event) => onToggle(name, !event.ctrlKey && !event.metaKey)}>
            <i style={{ background: colour }} /> <span>{name}</span>
            {value !== undefined && value !== null && <b>{formatValue(value)}</b>}
          </button>
        </li>
      ))}
    </ul>
  )
}

/** Who is hidden after a click. To single out the one that is alone already shows all again. */
export function toggled(names: readonly string[], hidden: ReadonlySet<string>, name: string, isAlone: boolean): ReadonlySet<string> {
  const others = names.filter((other) => other !== name)
  if (isAlone) return others.every((other) => hidden.has(other)) && !hidden.has(name) ? new Set() : new Set(others)
  return hidden.has(name) ? new Set([...hidden].filter((other) => other !== name)) : new Set([...hidden, name])
}

/** Golden-angle hues: neighbours differ, and a series keeps its colour for as long as it keeps its place. */
export function seriesColour(index: number): string {
  return `hsl(${(168 + index * 137.508) % 360} 62% ${index % 2 === 0 ? 42 : 52}%)`
}
