// One execution of a template: its variables, the node it is at, for messages, and how much of its budget is used.

import { quote } from '../go/goQuote.ts'
import type { Value } from '../go/value.ts'
import { printNode, type Node, type Tree } from './nodes.ts'
import { TemplateError } from './templateError.ts'

/** Nodes one execution may visit, those of templates that it calls included: ends a loop that would hold up the process. */
const maxSteps = 2_000_000

type Variable = { readonly name: string; value: Value }

export class Frame {
  readonly tree: Tree
  /** How many templates have called each other. */
  readonly depth: number
  readonly #budget: { steps: number }
  readonly #variables: Variable[]
  #node: Node | undefined

  constructor(tree: Tree, dot: Value, caller?: Frame) {
    this.tree = tree
    this.depth = caller === undefined ? 0 : caller.depth + 1
    this.#budget = caller === undefined ? { steps: 0 } : caller.#budget
    this.#variables = [{ name: '$', value: dot }]
  }

  /** Where an error is from now on. */
  at(node: Node): void {
    this.#node = node
    this.countStep()
  }

  countStep(): void {
    if (++this.#budget.steps > maxSteps) this.fail(`template takes more than ${maxSteps} steps`)
  }

  /** Throws `TemplateError` with the place in Go's words. */
  fail(message: string): never {
    const { tree } = this
    const node = this.#node
    if (node === undefined) throw new TemplateError(`template: ${tree.name}: ${message}`)
    const before = tree.text.slice(0, node.position)
    const line = before.split('\n').length
    const column = Buffer.byteLength(before.slice(before.lastIndexOf('\n') + 1))
    throw new TemplateError(`template: ${tree.parseName}:${line}:${column}: executing ${quote(tree.name)} at <${printNode(node)}>: ${message}`, line)
  }

  /** How many variables there are, for `leaveScope`. */
  enterScope(): number {
    return this.#variables.length
  }

  /** Variables since then are gone. */
  leaveScope(mark: number): void {
    this.#variables.length = mark
  }

  declare(name: string, value: Value): void {
    this.#variables.push({ name, value })
  }

  assign(name: string, value: Value): void {
    this.#find(name).value = value
  }

  variable(name: string): Value {
    return this.#find(name).value
  }

  #find(name: string): Variable {
    return this.#variables.findLast((one) => one.name === name) ?? this.fail(`undefined variable: ${name}`)
  }
}
