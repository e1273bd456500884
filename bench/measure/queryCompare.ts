// Whether two servers gave the same answer to one query: the same series, points and values.

type Point = readonly [number, string]
export type AnswerData =
  | { readonly resultType: 'matrix'; readonly result: readonly { readonly metric: Readonly<Record<string, string>>; readonly values: readonly Point[] }[] }
  | { readonly resultType: 'vector'; readonly result: readonly { readonly metric: Readonly<Record<string, string>>; readonly value: Point }[] }

/** The share of points, of both answers together, that the other one has too, with a value that differs by at most `tolerance` relative to it. */
export function agreement(a: AnswerData, b: AnswerData, tolerance: number): number {
  const left = pointsOf(a)
  const right = pointsOf(b)
  let same = 0
  for (const [key, value] of left) {
    const other = right.get(key)
    if (other === undefined) continue
    if (Object.is(value, other) || Math.abs(value - other) <= tolerance * Math.max(Math.abs(value), Math.abs(other))) same++
  }
  const all = left.size + right.size - same
  return all === 0 ? 1 : same / all
}

export function pointCount(data: AnswerData): number {
  return data.resultType === 'vector' ? data.result.length : data.result.reduce((sum, series) => sum + series.values.length, 0)
}

/** By series and time. */
function pointsOf(data: AnswerData): Map<string, number> {
  const points = new Map<string, number>()
  for (const series of data.result) {
    const name = JSON.stringify(Object.entries(series.metric).sort())
    for (const [seconds, text] of 'value' in series ? [series.value] : series.values) points.set(`${name} ${seconds}`, Number(text.replace('Inf', 'Infinity')))
  }
  return points
}
