// The syntax tree of a template, and each node as Go prints it back: execution errors quote the node they stopped at.

import { quote } from '../go/goQuote.ts'
import type { Value } from '../go/value.ts'

/** `position` is an offset into the text of the tree. */
export type TextNode = { readonly kind: 'text'; readonly position: number; readonly text: string }
export type VariableNode = { readonly kind: 'variable'; readonly position: number; readonly path: readonly string[] }
export type PipeNode = {
  readonly kind: 'pipe'
  readonly position: number
  readonly isAssign: boolean
  readonly variables: readonly VariableNode[]
  readonly commands: readonly CommandNode[]
}
export type CommandNode = { readonly kind: 'command'; readonly position: number; readonly args: readonly OperandNode[] }
export type OperandNode =
  | PipeNode
  | VariableNode
  | { readonly kind: 'dot'; readonly position: number }
  | { readonly kind: 'nil'; readonly position: number }
  | { readonly kind: 'bool'; readonly position: number; readonly value: boolean }
  | { readonly kind: 'string'; readonly position: number; readonly source: string; readonly value: string }
  | NumberNode
  | { readonly kind: 'field'; readonly position: number; readonly path: readonly string[] }
  | { readonly kind: 'chain'; readonly position: number; readonly node: OperandNode; readonly path: readonly string[] }
  | { readonly kind: 'identifier'; readonly position: number; readonly name: string }
  /** A bare word that is no function: the value of the metric of that name, see `ParseOptions.metricNames`. */
  | { readonly kind: 'metric'; readonly position: number; readonly name: string }
/** `int` and `float` are set when the literal can be that; `value` is what it is without a wanted type. */
export type NumberNode = {
  readonly kind: 'number'
  readonly position: number
  readonly text: string
  readonly value: Value
  readonly int: bigint | undefined
  readonly float: number | undefined
  /** An integer constant too large for 64 bits. */
  readonly overflows: boolean
}
/** `source` is the whole action as written. */
export type ActionNode = { readonly kind: 'action'; readonly position: number; readonly pipe: PipeNode; readonly source: string }
export type BranchNode = {
  readonly kind: 'if' | 'range' | 'with'
  readonly position: number
  readonly pipe: PipeNode
  readonly list: ListNode
  readonly elseList: ListNode | undefined
}
export type TemplateNode = { readonly kind: 'template'; readonly position: number; readonly name: string; readonly pipe: PipeNode | undefined }
export type BreakNode = { readonly kind: 'break' | 'continue'; readonly position: number }
export type StatementNode = TextNode | ActionNode | BranchNode | TemplateNode | BreakNode
export type ListNode = { readonly kind: 'list'; readonly position: number; readonly nodes: readonly StatementNode[] }
export type Node = StatementNode | ListNode | OperandNode | CommandNode

/** A parsed template. `parseName` names the text it came from, `name` the `define` it stands in. */
export type Tree = { readonly name: string; readonly parseName: string; readonly text: string; readonly root: ListNode }

/** Whether a tree holds nothing but space; such a definition never replaces another. */
export function isEmptyTree(list: ListNode): boolean {
  return list.nodes.every((node) => node.kind === 'text' && node.text.trim() === '')
}

/** The node as Go prints it in messages. */
export function printNode(node: Node): string {
  switch (node.kind) {
    case 'text':
      return node.text
    case 'list':
      return node.nodes.map(printNode).join('')
    case 'action':
      return `{{${printNode(node.pipe)}}}`
    case 'pipe': {
      const declared = node.variables.map(printNode).join(', ')
      const commands = node.commands.map(printNode).join(' | ')
      return declared === '' ? commands : `${declared} ${node.isAssign ? '=' : ':='} ${commands}`
    }
    case 'command':
      return node.args.map((arg) => (arg.kind === 'pipe' ? `(${printNode(arg)})` : printNode(arg))).join(' ')
    case 'identifier':
    case 'metric':
      return node.name
    case 'variable':
      return node.path.join('.')
    case 'dot':
      return '.'
    case 'nil':
      return 'nil'
    case 'field':
      return node.path.map((name) => `.${name}`).join('')
    case 'chain':
      return (node.node.kind === 'pipe' ? `(${printNode(node.node)})` : printNode(node.node)) + node.path.map((name) => `.${name}`).join('')
    case 'bool':
      return String(node.value)
    case 'number':
      return node.text
    case 'string':
      return node.source
    case 'if':
    case 'range':
    case 'with': {
      const otherwise = node.elseList === undefined ? '' : `{{else}}${printNode(node.elseList)}`
      return `{{${node.kind} ${printNode(node.pipe)}}}${printNode(node.list)}${otherwise}{{end}}`
    }
    case 'template':
      return `{{template ${quote(node.name)}${node.pipe === undefined ? '' : ` ${printNode(node.pipe)}`}}}`
    case 'break':
    case 'continue':
      return `{{${node.kind}}}`
  }
}
