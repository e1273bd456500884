// Compensated summation (Kahan's, in Neumaier's form), as Prometheus adds wherever it adds many values: the error of each
// addition is kept beside the sum and added at the end. One value may be ten orders of magnitude larger than the others.

/** The error term after `increment` was added to `sum`; the new sum is `sum + increment`. */
export function nextCompensation(increment: number, sum: number, compensation: number): number {
  const total = sum + increment
  if (total === Infinity || total === -Infinity) return 0
  return Math.abs(sum) >= Math.abs(increment) ? compensation + (sum - total + increment) : compensation + (increment - total + sum)
}
