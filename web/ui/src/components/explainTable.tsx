// The plan of a query as an indented table: what each part read, and how long it took with the parts below it.

import type { Explained } from '../api.ts'
import { formatSeconds } from '../time.ts'

export function ExplainTable({ plan }: { readonly plan: Explained }) {
  return (
    <table class="result" data-testid="explain-table">
      <thead>
        <tr><th>Part of the query</th><th>Series</th><th>Samples read</th><th>Chunks decoded</th><th>Workers</th><th>Time</th></tr>
      </thead>
      <tbody>{rowsOf(plan, 0).map((row, index) => <PlanRow key={index} {...row} />)}</tbody>
    </table>
  )
}

type Row = { readonly part: Explained; readonly depth: number }

function rowsOf(part: Explained, depth: number): Row[] {
  return [{ part, depth }, ...part.children.flatMap((child) => rowsOf(child, depth + 1))]
}

function PlanRow({ part, depth }: Row) {
  return (
    <tr>
      <td class="series" style={{ paddingLeft: `${0.5 + 1.5 * depth}rem` }}>{part.expression}{part.constant ? ' (once)' : ''}</td>
      <td class="value">{part.series}</td>
      <td class="value">{part.samplesRead}</td>
      <td class="value">{part.chunksDecoded}</td>
      <td class="value">{part.workers}</td>
      <td class="value">{formatSeconds(part.seconds)}</td>
    </tr>
  )
}
