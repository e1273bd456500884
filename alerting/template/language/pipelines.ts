// The value of a pipeline: fields, methods, variables and functions with their arguments, as Go's text/template/exec.go
// evaluates them. What a function throws that is not a `CallError` (a query that is not known yet) passes through.

import { quote } from '../go/goQuote.ts'
import { CallError, Dict, isTrue, methodsOf, parameter, Struct, typeName, type FunctionTable, type ParameterType, type TemplateFunction, type Value } from '../go/value.ts'
import type { Frame } from './frame.ts'
import { printNode, type CommandNode, type Node, type OperandNode, type PipeNode } from './nodes.ts'

export type PipelineOptions = {
  readonly functions: FunctionTable
  /** The value of a metric named by a bare word; `undefined` leaves the action as written. */
  readonly metricValue?: (name: string) => Value | undefined
}

/** Thrown to leave an action's text as it was written. */
export class LeaveAsWritten {}

/** No value was piped in, which is not the same as a nil value. */
const missing = Symbol('missing')
type Final = Value | typeof missing

/** What a field, method or function is given: its arguments, still to be evaluated under `dot`, and behind them what was piped in. */
type Given = { readonly dot: Value; readonly args: readonly OperandNode[]; readonly final: Final }

/** A method or function, by the name and the node that messages tell. */
type Called = { readonly name: string; readonly node: Node; readonly run: TemplateFunction; readonly receiver?: Value }

export class Pipelines {
  readonly #options: PipelineOptions
  readonly #frame: Frame

  constructor(options: PipelineOptions, frame: Frame) {
    this.#options = options
    this.#frame = frame
  }

  /** Also sets the variables that the pipeline declares or assigns. */
  evaluate(dot: Value, pipe: PipeNode): Value {
    this.#frame.at(pipe)
    let value: Final = missing
    for (const command of pipe.commands) value = this.#command(dot, command, value)
    const result: Value = value === missing ? null : value
    for (const variable of pipe.variables) {
      const name = variable.path[0] ?? ''
      if (pipe.isAssign) this.#frame.assign(name, result)
      else this.#frame.declare(name, result)
    }
    return result
  }

  #command(dot: Value, command: CommandNode, final: Final): Value {
    const [first, ...args] = command.args as [OperandNode, ...OperandNode[]] // the parser rejects empty commands
    const given: Given = { dot, args, final }
    switch (first.kind) {
      case 'field':
        this.#frame.at(first)
        return this.#path(dot, first, first.path, given)
      case 'chain':
        return this.#chain(first, given)
      case 'identifier':
        this.#frame.at(first)
        return this.#function(first.name, command, given)
      case 'metric':
        this.#frame.at(first)
        return this.#metric(first.name)
      case 'pipe':
        this.#notAFunction(first, given)
        return this.evaluate(dot, first)
      case 'variable':
        return this.#variable(first, given)
    }
    this.#frame.at(first)
    this.#notAFunction(first, given)
    switch (first.kind) {
      case 'bool':
      case 'string':
        return first.value
      case 'dot':
        return dot
      case 'nil':
        return this.#fail('nil is not a command')
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

  #notAFunction(node: OperandNode, { args, final }: Given): void {
    if (args.length > 0 || final !== missing) this.#fail(`can't give argument to non-function ${printNode(node)}`)
  }

  #variable(node: Extract<OperandNode, { kind: 'variable' }>, given: Given): Value {
    this.#frame.at(node)
    const [name = '', ...path] = node.path
    const value = this.#frame.variable(name)
    if (path.length > 0) return this.#path(value, node, path, given)
    this.#notAFunction(node, given)
    return value
  }

  #chain(node: Extract<OperandNode, { kind: 'chain' }>, given: Given): Value {
    this.#frame.at(node)
    if (node.node.kind === 'nil') this.#fail(`indirection through explicit nil in ${printNode(node)}`)
    return this.#path(this.#argument(given.dot, parameter.any, node.node), node, node.path, given)
  }

  /** `.A.B.C args`: only the last name may be a method that takes arguments. */
  #path(receiver: Value, node: OperandNode, path: readonly string[], given: Given): Value {
    let value = receiver
    path.forEach((name, i) => {
      if (i > 0 && value === null) this.#fail(`nil pointer evaluating interface {}.${name}`)
      value = this.#field(value, name, node, i === path.length - 1 ? given : nothing(given.dot))
    })
    return value
  }

  #field(receiver: Value, name: string, node: OperandNode, given: Given): Value {
    if (receiver === null) return null
    const methods = methodsOf(receiver)
    const method = methods !== undefined && Object.hasOwn(methods, name) ? methods[name] : undefined
    if (method !== undefined) return this.#call({ name, node, run: method, receiver }, given)
    const hasArgs = given.args.length > 0 || given.final !== missing
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
    return this.#fail(`can't evaluate field ${name} in type ${typeName(receiver)}`)
  }

  #function(name: string, node: Node, given: Given): Value {
    const { functions } = this.#options
    const run = Object.hasOwn(functions, name) ? functions[name] : undefined
    if (run === undefined) return this.#fail(`${quote(name)} is not a defined function`)
    if (name === 'and' || name === 'or') return this.#shortCircuit(name, given)
    return this.#call({ name, node, run }, given)
  }

  #shortCircuit(name: 'and' | 'or', { dot, args, final }: Given): Value {
    if (args.length === 0 && final === missing) this.#fail(`wrong number of args for ${name}: want at least 1 got 0`)
    let value: Value = null
    for (const arg of args) {
      value = this.#argument(dot, parameter.any, arg)
      if (isTrue(value) === (name === 'or')) return value
    }
    return final === missing ? value : final
  }

  #call({ name, node, run, receiver }: Called, { dot, args, final }: Given): Value {
    const { parameters } = run
    const given = args.length + (final === missing ? 0 : 1)
    if (run.variadic === true) {
      const fixed = parameters.length - 1
      if (given < fixed) this.#fail(`wrong number of args for ${name}: want at least ${fixed} got ${args.length}`)
    } else if (given !== parameters.length) this.#fail(`wrong number of args for ${name}: want ${parameters.length} got ${given}`)
    const typeAt = (i: number): ParameterType => parameters[Math.min(i, parameters.length - 1)] ?? parameter.any
    const values: Value[] = args.map((arg, i) => this.#argument(dot, typeAt(i), arg))
    if (final !== missing) values.push(this.#checked(final, typeAt(values.length)))
    try {
      return run.call(receiver === undefined ? values : [receiver, ...values])
    } catch (error) {
      if (!(error instanceof CallError)) throw error
      this.#frame.at(node)
      return this.#fail(`error calling ${name}: ${error.message}`)
    }
  }

  #argument(dot: Value, type: ParameterType, node: OperandNode): Value {
    this.#frame.at(node)
    switch (node.kind) {
      case 'dot':
        return this.#checked(dot, type)
      case 'nil':
        if (type.constant !== 'any') this.#fail(`cannot assign nil to ${type.name}`)
        return null
      case 'field':
        return this.#checked(this.#path(dot, node, node.path, nothing(dot)), type)
      case 'variable':
        return this.#checked(this.#variable(node, nothing(dot)), type)
      case 'pipe':
        return this.#checked(this.evaluate(dot, node), type)
      case 'identifier':
        return this.#checked(this.#function(node.name, node, nothing(dot)), type)
      case 'metric':
        return this.#checked(this.#metric(node.name), type)
      case 'chain':
        return this.#checked(this.#chain(node, nothing(dot)), type)
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
        return this.#fail(`can't handle ${printNode(node)} for arg of type ${type.name}`)
    }
  }

  #checked(value: Value, type: ParameterType): Value {
    if (type.accepts(value)) return value
    if (value === null) this.#fail(`invalid value; expected ${type.name}`)
    return this.#fail(`wrong type for value; expected ${type.name}; got ${typeName(value)}`)
  }

  #fail(message: string): never {
    return this.#frame.fail(message)
  }
}

function nothing(dot: Value): Given {
  return { dot, args: [], final: missing }
}
