// The plan of a query as a tree: a bar for the time of each part, its own and that of what is below it, and what it read.
// Above it where the time of the whole request went.

import type { Explained, QueryStats } from '../../api/shapes.ts'
import { formatCount } from '../../format/number.ts'
import { formatSeconds } from '../../format/time.ts'
import { planCost, requestTimes, type PlanRow } from './explainCost.ts'

type Props = { readonly plan: Explained; readonly stats: QueryStats | undefined; readonly tookSeconds: number }

export function ExplainTable({ plan, stats, tookSeconds }: Props) {
  const { rows, samplesRead, chunksDecoded, costliest } = planCost(plan)
  return (
    <>
      <Summary stats={stats} tookSeconds={tookSeconds} costliest={costliest} />
      <div class="scroll">
        <table class="explain" data-testid="explain-table">
          <thead>
            <tr>
              <th>Part of the query</th><th>Time <small>(strong: by itself)</small></th><th class="number">Series</th><th class="number">Samples read</th>
              <th class="number">Chunks decoded</th><th class="number">Workers</th>
            </tr>
          </thead>
          <tbody>{rows.map((row, index) => <PartRow key={index} row={row} isCostliest={row === costliest} />)}</tbody>
          <tfoot>
            <tr><td>Whole query</td><td>{formatSeconds(plan.seconds)}</td><td /><td class="number">{formatCount(samplesRead)}</td><td class="number">{formatCount(chunksDecoded)}</td><td /></tr>
          </tfoot>
        </table>
      </div>
    </>
  )
}

function Summary({ stats, tookSeconds, costliest }: Omit<Props, 'plan'> & { readonly costliest: PlanRow | undefined }) {
  const facts = stats === undefined ? [] : [
    ...requestTimes(stats.timings, tookSeconds).map(({ name, seconds }) => [name, formatSeconds(seconds)] as const),
    ['Most samples in memory', formatCount(stats.samples.peakSamples)] as const,
  ]
  return (
    <div class="explain-summary" data-testid="explain-summary">
      {costliest !== undefined && (
        <p>
          {percent(costliest.ownShare)} of the time goes into <span class="code">{costliest.part.expression}</span>
          {costliest.part.series > 0 && `, ${formatCount(costliest.part.series)} series`}.
        </p>
      )}
      <dl>{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
    </div>
  )
}

function PartRow({ row, isCostliest }: { readonly row: PlanRow; readonly isCostliest: boolean }) {
  const { part, depth, ownShare, belowShare, isReadAbove, samplesShare } = row
  return (
    <tr class={isCostliest ? 'costliest' : ''}>
      <td class="series" style={{ paddingLeft: `${0.6 + 1.4 * depth}rem` }}>{part.expression}{part.constant && <small> once</small>}</td>
      <td class="time">
        {isReadAbove ? <small>in the function above</small> : (
          <>
            <span class="share" title={`${percent(ownShare)} by itself, ${percent(belowShare)} below it`}>
              <i class="own" style={{ width: `${ownShare * 100}%` }} /><i class="below" style={{ width: `${belowShare * 100}%` }} />
            </span>
            <span class="amount">{formatSeconds(part.seconds)}</span>
          </>
        )}
      </td>
      <td class="number">{formatCount(part.series)}</td>
      <td class="number">{part.samplesRead > 0 && <>{formatCount(part.samplesRead)}<small> {percent(samplesShare)}</small></>}</td>
      <td class="number">{part.chunksDecoded > 0 && formatCount(part.chunksDecoded)}</td>
      <td class="number">{part.workers}</td>
    </tr>
  )
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
