// "Did you mean": the known name nearest to one that is not known. For configuration keys and command-line flags.

/** The nearest of `known`, when it is near enough to be a plausible slip; the first of equally near ones. */
function nearestName(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(name, candidate, bestDistance)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** `, did you mean "x"?` or nothing. */
export function didYouMean(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known)
  return nearest === undefined ? '' : `, did you mean "${nearest}"?`
}

/** Insertions, deletions, replacements and swaps of neighbours; anything from `limit` up is reported as `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let beforePrevious: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(previous, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      let cost = Math.min(replaced, at(previous, j) + 1, at(current, j - 1) + 1)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, at(beforePrevious, j - 2) + 1)
      current.push(cost)
    }
    beforePrevious = previous
    previous = current
  }
  return Math.min(at(previous, b.length), limit)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity
}
