// Runs a parsed template over a value, with the semantics and messages of Go's text/template/exec.go and `missingkey=zero`:
// what each action does. What a pipeline in it gives is pipelines.ts. Pure and synchronous.

import { sprint } from '../go/goFormat.ts'
import { quote } from '../go/goQuote.ts'
import { baseOf, CallError, Dict, isTrue, List, sortedEntries, type Value } from '../go/value.ts'
import { Frame } from './frame.ts'
import type { BranchNode, ListNode, PipeNode, StatementNode, TemplateNode, Tree } from './nodes.ts'
import type { Output } from './output.ts'
import { LeaveAsWritten, Pipelines, type PipelineOptions } from './pipelines.ts'
import { TemplateError } from './templateError.ts'

export type ExecuteOptions = PipelineOptions & {
  readonly trees: ReadonlyMap<string, Tree>
  readonly output: Output
}

/** Templates may nest this deep; Go's limit of 100,000 is more than a JavaScript stack holds. */
const maxDepth = 1_000

/** Executes the template `name` with `data` as its dot. Throws `TemplateError`. */
export function execute(name: string, data: Value, options: ExecuteOptions): string {
  const tree = options.trees.get(name)
  if (tree === undefined) throw new TemplateError(`template: no template ${quote(name)} associated with template ${quote(name)}`)
  try {
    new Execution(options, new Frame(tree, data)).run(data)
  } catch (error) {
    if (error instanceof RangeError) throw new TemplateError(`template: ${name}: exceeded maximum template depth (${maxDepth})`, undefined, { cause: error })
    throw error
  }
  return options.output.result()
}

class LoopControl {
  readonly kind: 'break' | 'continue'
  constructor(kind: 'break' | 'continue') {
    this.kind = kind
  }
}
const breakLoop = new LoopControl('break')
const continueLoop = new LoopControl('continue')

class Execution {
  readonly #options: ExecuteOptions
  readonly #frame: Frame
  readonly #pipelines: Pipelines

  constructor(options: ExecuteOptions, frame: Frame) {
    this.#options = options
    this.#frame = frame
    this.#pipelines = new Pipelines(options, frame)
  }

  run(dot: Value): void {
    this.#walkList(dot, this.#frame.tree.root)
  }

  #walkList(dot: Value, list: ListNode): void {
    for (const node of list.nodes) this.#walk(dot, node)
  }

  #walk(dot: Value, node: StatementNode): void {
    this.#frame.at(node)
    switch (node.kind) {
      case 'text':
        return this.#text(node.text)
      case 'action':
        return this.#action(dot, node)
      case 'if':
      case 'with':
        return this.#ifOrWith(dot, node)
      case 'range':
        return this.#range(dot, node)
      case 'template':
        return this.#template(dot, node)
      case 'break':
        throw breakLoop
      case 'continue':
        throw continueLoop
    }
  }

  #text(text: string): void {
    try {
      this.#options.output.text(text)
    } catch (error) {
      if (error instanceof CallError) this.#frame.fail(error.message)
      throw error
    }
  }

  #action(dot: Value, node: Extract<StatementNode, { kind: 'action' }>): void {
    try {
      const value = this.#pipelines.evaluate(dot, node.pipe)
      if (node.pipe.variables.length > 0) return
      this.#frame.at(node)
      const last = node.pipe.commands.at(-1)?.args[0]
      this.#options.output.value(value, last?.kind === 'identifier' ? last.name : undefined)
    } catch (error) {
      if (error instanceof CallError) this.#frame.fail(error.message)
      if (!(error instanceof LeaveAsWritten)) throw error
      this.#text(node.source)
    }
  }

  #ifOrWith(dot: Value, node: BranchNode): void {
    const mark = this.#frame.enterScope()
    const value = this.#pipelines.evaluate(dot, node.pipe)
    if (isTrue(value)) this.#walkList(node.kind === 'with' ? value : dot, node.list)
    else if (node.elseList !== undefined) this.#walkList(dot, node.elseList)
    this.#frame.leaveScope(mark)
  }

  #range(dot: Value, node: BranchNode): void {
    const outer = this.#frame.enterScope()
    const value = this.#pipelines.evaluate(dot, node.pipe)
    const mark = this.#frame.enterScope()
    let count = 0
    try {
      for (const [index, element] of this.#elements(value, node)) {
        count++
        this.#frame.countStep()
        this.#setLoopVariables(node.pipe, index, element)
        try {
          this.#walkList(element, node.list)
        } catch (error) {
          if (error !== continueLoop) throw error
        }
        this.#frame.leaveScope(mark)
      }
    } catch (error) {
      if (error !== breakLoop) throw error
    }
    if (count === 0 && node.elseList !== undefined) this.#walkList(dot, node.elseList)
    this.#frame.leaveScope(outer)
  }

  *#elements(value: Value, node: BranchNode): Generator<readonly [Value, Value]> {
    const base = baseOf(value)
    if (base === null) return
    if (base instanceof List) {
      for (const [index, item] of base.items.entries()) yield [BigInt(index), item]
    } else if (base instanceof Dict) {
      yield* sortedEntries(base)
    } else if (typeof base === 'bigint') {
      if (node.pipe.variables.length > 1) this.#frame.fail(`can't use ${sprint([value])} to iterate over more than one variable`)
      for (let i = 0n; i < base; i++) yield [i, i]
    } else {
      this.#frame.fail(`range can't iterate over ${sprint([value])}`)
    }
  }

  #setLoopVariables(pipe: PipeNode, index: Value, element: Value): void {
    const names = pipe.variables.map((variable) => variable.path[0] ?? '')
    const values = names.length > 1 ? [index, element] : [element]
    names.forEach((name, i) => this.#frame.assign(name, values[i] ?? null))
  }

  #template(dot: Value, node: TemplateNode): void {
    const tree = this.#options.trees.get(node.name)
    if (tree === undefined) return this.#frame.fail(`template ${quote(node.name)} not defined`)
    if (this.#frame.depth >= maxDepth) this.#frame.fail(`exceeded maximum template depth (${maxDepth})`)
    const argument = node.pipe === undefined ? null : this.#pipelines.evaluate(dot, node.pipe)
    new Execution(this.#options, new Frame(tree, argument, this.#frame)).run(argument)
  }
}
