// The labels' side of arithmetic and comparison between two vectors: which series belong together, and what their results are called.

import { labelValue, type Labels } from '../../storage/model/labels.ts'
import type { BinaryExpr, VectorMatching } from '../language/ast.ts'
import { labelProjection, setLabel, type LabelProjection } from '../values/labelProjection.ts'
import { dropMetricName } from '../values/labelSets.ts'
import { isArithmetic } from './binaryArithmetic.ts'

/** By the label set of the "many" side what it gives with its latest partner. */
type Results = WeakMap<Labels, { readonly one: Labels; readonly result: Labels }>

/** Of each operator of the trees that the parser keeps: a query that is asked again gives the same label sets, whose keys and JSON are known. */
const results = new WeakMap<BinaryExpr, Results>()

function resultsOf(node: BinaryExpr): Results {
  let known = results.get(node)
  if (known === undefined) results.set(node, (known = new WeakMap()))
  return known
}

export class LabelMatching {
  /** The right side is the "one" side, except for `group_right`. */
  readonly isSwapped: boolean
  readonly #node: BinaryExpr
  readonly #matching: VectorMatching
  readonly #projection: LabelProjection
  readonly #known: Results

  constructor(node: BinaryExpr, matching: VectorMatching) {
    this.isSwapped = matching.card === 'one-to-many'
    this.#node = node
    this.#matching = matching
    this.#projection = labelProjection(matching.labels, matching.on)
    this.#known = resultsOf(node)
  }

  /** Equal for series that belong together. */
  key(labels: Labels): string {
    return this.#projection.key(labels)
  }

  /** The labels that are matched. */
  project(labels: Labels): Labels {
    return this.#projection.project(labels)
  }

  resultLabels(many: Labels, one: Labels): Labels {
    const known = this.#known.get(many)
    if (known?.one === one) return known.result
    const result = this.#newResultLabels(many, one)
    this.#known.set(many, { one, result })
    return result
  }

  #newResultLabels(many: Labels, one: Labels): Labels {
    const { card, labels, on, include } = this.#matching
    const { op, bool } = this.#node
    let result = isArithmetic(op) || bool ? dropMetricName(many) : many
    if (card === 'one-to-one') result = on ? this.#projection.project(result) : withoutLabels(result, labels)
    for (const name of include) result = setLabel(result, name, labelValue(one, name))
    return result
  }
}

function withoutLabels(labels: Labels, names: readonly string[]): Labels {
  return names.length === 0 ? labels : labels.filter((label) => !names.includes(label.name))
}
