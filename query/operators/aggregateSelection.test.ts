import { describe, expect, it } from 'vitest'
import { createRandom } from '../../test/helpers/random.ts'
import { createColumnSpace } from '../values/columnSpace.ts'
import { topKOf } from './aggregateSelection.ts'

const space = createColumnSpace()

describe('topk and bottomk', () => {
  it('choose the best values of each step, in as many blocks of steps as it takes', () => {
    const random = createRandom()
    for (let round = 0; round < 30; round++) {
      space.reset()
      const stepCount = 1 + random.below(300)
      const series = Array.from({ length: 1 + random.below(120) }, (_, i) => {
        // Some lie where kernels reach them, others do not.
        const columns = random.below(2) === 0 ? space.columns(stepCount) : { values: new Float64Array(stepCount), present: new Uint8Array(stepCount) }
        for (let step = 0; step < stepCount; step++) {
          columns.values[step] = random.below(20) === 0 ? NaN : random.below(30) - 15
          columns.present[step] = random.below(5) === 0 ? 0 : 1
        }
        return { labels: [{ name: 'n', value: String(i) }], ...columns }
      })
      const limits = new Float64Array(stepCount).map(() => random.below(150))
      const best = random.pick(['largest', 'smallest'] as const)
      const order = (a: number, b: number) => (Number.isNaN(a) ? 1 : Number.isNaN(b) ? -1 : best === 'largest' ? b - a : a - b)
      const at = (list: readonly (typeof series)[number][], step: number) => list.filter(({ present }) => present[step] === 1).map(({ values }) => values[step] ?? 0).sort(order)
      const chosen = topKOf({ labels: [], series }, { limits, best, ordered: false, space })
      for (let step = 0; step < stepCount; step++) {
        expect(at(chosen as typeof series, step), `seed ${random.seed}, round ${round}, step ${step}`).toEqual(at(series, step).slice(0, limits[step]))
      }
    }
  })
})
