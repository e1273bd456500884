// Runs a parsed template over a value, with the semantics and messages of Go's text/template/exec.go and `missingkey=zero`.
// Pure and synchronous: what a function throws that is not a `CallError` (a query that is not known yet) passes through.

import { sprint } from '../go/goFormat.ts'
import { quote } from '../go/goQuote.ts'
import {
  baseOf,
  CallError,
  Dict,
  isTrue,
  List,
  methodsOf,
  parameter,
  sortedEntries,
  Struct,
  typeName,
  type FunctionTable,
  type ParameterType,
  type TemplateFunction,
  type Value,
} from '../go/value.ts'
import { printNode, type BranchNode, type CommandNode, type ListNode, type Node, type OperandNode, type PipeNode, type StatementNode, type TemplateNode, type Tree } from './nodes.ts'
import type { Output } from './output.ts'
import { TemplateError } from './templateError.ts'

export type ExecuteOptions = {
  readonly trees: ReadonlyMap<string, Tree>
  readonly functions: FunctionTable
  readonly output: Output
  /** The value of a metric named by a bare word; `undefined` leaves the action as written. */
  readonly metricValue?: (name: string) => Value | undefined
}

/** Templates may nest this deep; Go's limit of 100,000 is more than a JavaScript stack holds. */
const maxDepth = 1_000
/** Nodes one execution may visit: ends a loop that would hold up the process. */
const maxSteps = 2_000_000

/** Executes the template `name` with `data` as its dot. Throws `TemplateError`. */
export function execute(name: string, data: Value, options: ExecuteOptions): string {
  const tree = options.trees.get(name)
  if (tree === undefined) throw new TemplateError(`template: no template ${quote(name)} associated with template ${quote(name)}`)
  try {
    new Execution(options, { steps: 0 }, tree, data, 0).run()
  } catch (error) {
    if (error instanceof RangeError) throw new TemplateError(`template: ${name}: exceeded maximum template depth (${maxDepth})`, undefined, { cause: error })
    throw error
  }
  return options.output.result()
}

/** No value was piped in, which is not the same as a nil value. */
const missing = Symbol('missing')
type Final = Value | typeof missing

class LoopControl {
  readonly kind: 'break' | 'continue'
  constructor(kind: 'break' | 'continue') {
    this.kind = kind
  }
}
const breakLoop = new LoopControl('break')
const continueLoop = new LoopControl('continue')

/** Thrown to leave an action's text as it was written. */
class LeaveAsWritten {}

type Variable = { readonly name: string; value: Value }

class Execution {
  readonly #options: ExecuteOptions
  readonly #budget: { steps: number }
  readonly #tree: Tree
  readonly #depth: number
  readonly #dot: Value
  readonly #variables: Variable[]
  #node: Node | undefined

  constructor(options: ExecuteOptions, budget: { steps: number }, tree: Tree, dot: Value, depth: number) {
    this.#options = options
    this.#budget = budget
    this.#tree = tree
    this.#dot = dot
    this.#depth = depth
    this.#variables = [{ name: '$', value: dot }]
  }

  run(): void {
    this.#walkList(this.#dot, this.#tree.root)
  }

  #at(node: Node): void {
    this.#node = node
    this.#countStep()
  }

  #countStep(): void {
    if (++this.#budget.steps > maxSteps) this.#fail(`template takes more than ${maxSteps} steps`)
  }

  #fail(message: string): never {
    const tree = this.#tree
    const node = this.#node
    if (node === undefined) throw new TemplateError(`template: ${tree.name}: ${message}`)
    const before = tree.text.slice(0, node.position)
    const line = before.split('\n').length
    const column = Buffer.byteLength(before.slice(before.lastIndexOf('\n') + 1))
    throw new TemplateError(`template: ${tree.parseName}:${line}:${column}: executing ${quote(tree.name)} at <${printNode(node)}>: ${message}`, line)
  }

  #walkList(dot: Value, list: ListNode): void {
    for (const node of list.nodes) this.#walk(dot, node)
  }

  #walk(dot: Value, node: StatementNode): void {
    this.#at(node)
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
      if (error instanceof CallError) this.#fail(error.message)
      throw error
    }
  }

  #action(dot: Value, node: Extract<StatementNode, { kind: 'action' }>): void {
    try {
      const value = this.#pipeline(dot, node.pipe)
      if (node.pipe.variables.length > 0) return
      this.#at(node)
      const last = node.pipe.commands.at(-1)?.args[0]
      this.#options.output.value(value, last?.kind === 'identifier' ? last.name : undefined)
    } catch (error) {
      if (error instanceof CallError) this.#fail(error.message)
      if (!(error instanceof LeaveAsWritten)) throw error
      this.#text(node.source)
    }
  }

  #ifOrWith(dot: Value, node: BranchNode): void {
    const mark = this.#variables.length
    const value = this.#pipeline(dot, node.pipe)
    if (isTrue(value)) this.#walkList(node.kind === 'with' ? value : dot, node.list)
    else if (node.elseList !== undefined) this.#walkList(dot, node.elseList)
    this.#variables.length = mark
  }

  #range(dot: Value, node: BranchNode): void {
    const outer = this.#variables.length
    const value = this.#pipeline(dot, node.pipe)
    const mark = this.#variables.length
    let count = 0
    try {
      for (const [index, element] of this.#elements(value, node)) {
        count++
        this.#countStep()
        this.#setLoopVariables(node.pipe, index, element)
        try {
          this.#walkList(element, node.list)
        } catch (error) {
          if (error !== continueLoop) throw error
        }
        this.#variables.length = mark
      }
    } catch (error) {
      if (error !== breakLoop) throw error
    }
    if (count === 0 && node.elseList !== undefined) this.#walkList(dot, node.elseList)
    this.#variables.length = outer
  }

  *#elements(value: Value, node: BranchNode): Generator<readonly [Value, Value]> {
    const base = baseOf(value)
    if (base === null) return
    if (base instanceof List) {
      for (const [index, item] of base.items.entries()) yield [BigInt(index), item]
    } else if (base instanceof Dict) {
      yield* sortedEntries(base)
    } else if (typeof base === 'bigint') {
      if (node.pipe.variables.length > 1) this.#fail(`can't use ${sprint([value])} to iterate over more than one variable`)
      for (let i = 0n; i < base; i++) yield [i, i]
    } else {
      this.#fail(`range can't iterate over ${sprint([value])}`)
    }
  }

  #setLoopVariables(pipe: PipeNode, index: Value, element: Value): void {
    const names = pipe.variables.map((variable) => variable.path[0] ?? '')
    const values = names.length > 1 ? [index, element] : [element]
    names.forEach((name, i) => this.#setVariable(name, values[i] ?? null))
  }

  #template(dot: Value, node: TemplateNode): void {
    const tree = this.#options.trees.get(node.name)
    if (tree === undefined) this.#fail(`template ${quote(node.name)} not defined`)
    if (this.#depth >= maxDepth) this.#fail(`exceeded maximum template depth (${maxDepth})`)
    const argument = node.pipe === undefined ? null : this.#pipeline(dot, node.pipe)
    new Execution(this.#options, this.#budget, tree, argument, this.#depth + 1).run()
  }

  #setVariable(name: string, value: Value): void {
    const variable = this.#variables.findLast((one) => one.name === name)
    if (variable === undefined) this.#fail(`undefined variable: ${name}`)
    variable.value = value
  }

  #pipeline(dot: Value, pipe: PipeNode): Value {
    this.#at(pipe)
    let value: Final = missing
    for (const command of pipe.commands) value = this.#command(dot, command, value)
    const result: Value = value === missing ? null : value
    for (const variable of pipe.variables) {
      const name = variable.path[0] ?? ''
      if (pipe.isAssign) this.#setVariable(name, result)
      else this.#variables.push({ name, value: result })
    }
    return result
  }

  #command(dot: Value, command: CommandNode, final: Final): Value {
    const [first, ...args] = command.args as [OperandNode, ...OperandNode[]] // the parser rejects empty commands
    switch (first.kind) {
      case 'field':
        this.#at(first)
        return this.#path(dot, dot, first, first.path, args, final)
      case 'chain':
        return this.#chain(dot, first, args, final)
      case 'identifier':
        this.#at(first)
        return this.#function(dot, first.name, command, args, final)
      case 'metric':
        this.#at(first)
        return this.#metric(first.name)
      case 'pipe':
        this.#notAFunction(first, args, final)
        return this.#pipeline(dot, first)
      case 'variable':
        return this.#variable(dot, first, args, final)
    }
    this.#at(first)
    this.#notAFunction(first, args, final)
    switch (first.kind) {
      case 'bool':
      case 'string':
        return first.value
      case 'dot':
        return dot
      case 'nil':
        this.#fail('nil is not a command')
        break
      case 'number':
        if (first.overflows) this.#fail(`${first.text} overflows int`)
        return first.value
    }
  }

  #metric(name: string): Value {
    const value = this.#options.metricValue?.(name)
    if (value === undefined) throw new LeaveAsWritten()
    return value
  }

  #notAFunction(node: OperandNode, args: readonly OperandNode[], final: Final): void {
    if (args.length > 0 || final !== missing) this.#fail(`can't give argument to non-function ${printNode(node)}`)
  }

  #variable(dot: Value, node: Extract<OperandNode, { kind: 'variable' }>, args: readonly OperandNode[], final: Final): Value {
    this.#at(node)
    const [name = '', ...path] = node.path
    const variable = this.#variables.findLast((one) => one.name === name)
    if (variable === undefined) this.#fail(`undefined variable: ${name}`)
    if (path.length > 0) return this.#path(dot, variable.value, node, path, args, final)
    this.#notAFunction(node, args, final)
    return variable.value
  }

  #chain(dot: Value, node: Extract<OperandNode, { kind: 'chain' }>, args: readonly OperandNode[], final: Final): Value {
    this.#at(node)
    if (node.node.kind === 'nil') this.#fail(`indirection through explicit nil in ${printNode(node)}`)
    return this.#path(dot, this.#argument(dot, parameter.any, node.node), node, node.path, args, final)
  }

  /** `.A.B.C args`: only the last name may be a method that takes arguments. */
  #path(dot: Value, receiver: Value, node: OperandNode, path: readonly string[], args: readonly OperandNode[], final: Final): Value {
    let value = receiver
    path.forEach((name, i) => {
      if (i > 0 && value === null) this.#fail(`nil pointer evaluating interface {}.${name}`)
      const last = i === path.length - 1
      value = this.#field(dot, name, node, last ? args : [], last ? final : missing, value)
    })
    return value
  }

  #field(dot: Value, name: string, node: OperandNode, args: readonly OperandNode[], final: Final, receiver: Value): Value {
    if (receiver === null) return null
    const methods = methodsOf(receiver)
    const method = methods !== undefined && Object.hasOwn(methods, name) ? methods[name] : undefined
    if (method !== undefined) return this.#call(dot, method, node, name, args, final, receiver)
    const hasArgs = args.length > 0 || final !== missing
    if (receiver instanceof Struct) {
      const field = receiver.fields.get(name)
      if (field !== undefined) {
        if (hasArgs) this.#fail(`${name} has arguments but cannot be invoked as function`)
        return field
      }
    } else if (receiver instanceof Dict) {
      if (hasArgs) this.#fail(`${name} is not a method but has arguments`)
      return receiver.entries.get(name) ?? receiver.missing
    }
    this.#fail(`can't evaluate field ${name} in type ${typeName(receiver)}`)
  }

  #function(dot: Value, name: string, node: Node, args: readonly OperandNode[], final: Final): Value {
    const { functions } = this.#options
    const found = Object.hasOwn(functions, name) ? functions[name] : undefined
    if (found === undefined) this.#fail(`${quote(name)} is not a defined function`)
    if (name === 'and' || name === 'or') return this.#shortCircuit(dot, name, args, final)
    return this.#call(dot, found, node, name, args, final)
  }

  #shortCircuit(dot: Value, name: 'and' | 'or', args: readonly OperandNode[], final: Final): Value {
    if (args.length === 0 && final === missing) this.#fail(`wrong number of args for ${name}: want at least 1 got 0`)
    let value: Value = null
    for (const arg of args) {
      value = this.#argument(dot, parameter.any, arg)
      if (isTrue(value) === (name === 'or')) return value
    }
    return final === missing ? value : final
  }

  #call(dot: Value, called: TemplateFunction, node: Node, name: string, args: readonly OperandNode[], final: Final, receiver?: Value): Value {
    const { parameters } = called
    const given = args.length + (final === missing ? 0 : 1)
    const fixed = called.variadic === true ? parameters.length - 1 : args.length
    if (called.variadic === true) {
      if (given < fixed) this.#fail(`wrong number of args for ${name}: want at least ${fixed} got ${args.length}`)
    } else if (given !== parameters.length) this.#fail(`wrong number of args for ${name}: want ${parameters.length} got ${given}`)
    const typeAt = (i: number): ParameterType => parameters[Math.min(i, parameters.length - 1)] ?? parameter.any
    const values: Value[] = args.map((arg, i) => this.#argument(dot, typeAt(i), arg))
    if (final !== missing) values.push(this.#checked(final, typeAt(values.length)))
    try {
      return called.call(receiver === undefined ? values : [receiver, ...values])
    } catch (error) {
      if (!(error instanceof CallError)) throw error
      this.#at(node)
      this.#fail(`error calling ${name}: ${error.message}`)
    }
  }

  #argument(dot: Value, type: ParameterType, node: OperandNode): Value {
    this.#at(node)
    switch (node.kind) {
      case 'dot':
        return this.#checked(dot, type)
      case 'nil':
        if (type.constant !== 'any') this.#fail(`cannot assign nil to ${type.name}`)
        return null
      case 'field':
        return this.#checked(this.#path(dot, dot, node, node.path, [], missing), type)
      case 'variable':
        return this.#checked(this.#variable(dot, node, [], missing), type)
      case 'pipe':
        return this.#checked(this.#pipeline(dot, node), type)
      case 'identifier':
        return this.#checked(this.#function(dot, node.name, node, [], missing), type)
      case 'metric':
        return this.#checked(this.#metric(node.name), type)
      case 'chain':
        return this.#checked(this.#chain(dot, node, [], missing), type)
      case 'bool':
      case 'string':
      case 'number':
        return this.#constant(node, type)
    }
  }

  #constant(node: Extract<OperandNode, { kind: 'bool' | 'string' | 'number' }>, type: ParameterType): Value {
    const number = node.kind === 'number' ? node : undefined
    switch (type.constant) {
      case 'any':
        if (number?.overflows === true) this.#fail(`${number.text} overflows int`)
        return node.value
      case 'int':
        if (number?.int === undefined) this.#fail(`expected integer; found ${printNode(node)}`)
        return number.int
      case 'float':
        if (number?.float === undefined) this.#fail(`expected float; found ${printNode(node)}`)
        return number.float
      case 'string':
        if (node.kind !== 'string') this.#fail(`expected string; found ${printNode(node)}`)
        return node.value
      case 'bool':
        if (node.kind !== 'bool') this.#fail(`expected bool; found ${printNode(node)}`)
        return node.value
      case 'none':
        this.#fail(`can't handle ${printNode(node)} for arg of type ${type.name}`)
    }
  }

  #checked(value: Value, type: ParameterType): Value {
    if (type.accepts(value)) return value
    if (value === null) this.#fail(`invalid value; expected ${type.name}`)
    this.#fail(`wrong type for value; expected ${type.name}; got ${typeName(value)}`)
  }
}
