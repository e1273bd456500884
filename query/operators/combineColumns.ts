// Arithmetic and comparison of whole columns by a kernel, for the operators that processors have too.

import type { BinaryOp } from '../language/ast.ts'
import { copyOf, maxSpaceBytes, type Columns, type ColumnSpace } from '../values/columnSpace.ts'

/** As in src/kernels/assembly/query/combine.ts. */
const operations: Partial<Record<BinaryOp, number>> = { '+': 0, '-': 1, '*': 2, '/': 3, '==': 4, '!=': 5, '>': 6, '<': 7, '>=': 8, '<=': 9 }
/** Added to a comparison that keeps the left value where it holds; otherwise it gives 0 or 1. */
const filtering = 6
const firstComparison = 4

/** The kernel's name for an operation of two columns; `keepsLeft`: a comparison keeps the left value where it holds. `undefined` when there is no kernel for it. */
export function combiningOf(op: BinaryOp, keepsLeft: boolean): number | undefined {
  const operation = operations[op]
  return operation !== undefined && keepsLeft && operation >= firstComparison ? operation + filtering : operation
}

export type Combined = Columns & { readonly found: number }

export class ColumnCombiner {
  readonly #space: ColumnSpace
  readonly #count: number
  readonly #operation: number
  /** Given out with nothing in them, so still free. */
  #free: Columns | undefined

  /** `undefined` when there is no kernel for the operator. */
  static for(op: BinaryOp, keepsLeft: boolean, space: ColumnSpace, count: number): ColumnCombiner | undefined {
    const operation = combiningOf(op, keepsLeft)
    return operation === undefined ? undefined : new ColumnCombiner(space, count, operation)
  }

  private constructor(space: ColumnSpace, count: number, operation: number) {
    this.#space = space
    this.#count = count
    this.#operation = operation
  }

  /** The result where both have a value; when nothing is found, good only until the next call. */
  combine(left: Columns, right: Columns): Combined {
    const space = this.#space
    const count = this.#count
    const leftAt = space.place('left', left.values, count)
    const leftPresentAt = space.place('leftPresent', left.present, count)
    const rightAt = space.place('right', right.values, count)
    const rightPresentAt = space.place('rightPresent', right.present, count)
    const { values, present } = this.#columns()
    const found = space.exports.combineColumns(this.#operation, leftAt, leftPresentAt, rightAt, rightPresentAt, count, space.addressOf(values), space.addressOf(present))
    if (found === 0 || space.usedBytes > maxSpaceBytes) this.#free = { values, present }
    // What a worker's space cannot hold for long is kept elsewhere.
    return this.#free === undefined || found === 0 ? { values, present, found } : { ...copyOf({ values, present }), found }
  }

  #columns(): Columns {
    const free = this.#free
    this.#free = undefined
    return free ?? { values: this.#space.doublesAt(this.#space.allocate(8 * this.#count), this.#count), present: this.#space.flagsAt(this.#space.allocate(this.#count), this.#count) }
  }
}
