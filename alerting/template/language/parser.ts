// Tokens to trees, with Go's grammar and Go's messages (text/template/parse). Functions must be known here: an unknown one
// is an error at parse time, except the bare words that `metricNames` lets through.

import { quote, unquote } from '../go/goQuote.ts'
import { describeToken, tokenize, type Token, type TokenKind } from './lexer.ts'
import {
  isEmptyTree,
  type BranchNode,
  type CommandNode,
  type ListNode,
  type NumberNode,
  type OperandNode,
  type PipeNode,
  printNode,
  type StatementNode,
  type TemplateNode,
  type Tree,
  type VariableNode,
} from './nodes.ts'
import { readNumber } from './numberLiteral.ts'
import { TemplateError } from './templateError.ts'

export type ParseOptions = {
  hasFunction(name: string): boolean
  /**
   * Set: `{{ some_word }}` with an unknown function and no arguments stands for the value of that metric instead of being
   * an error. Called with the word and the error Go would have given.
   */
  readonly onMetricName?: (name: string, error: string) => void
}

/** Parses `text`; returns the tree named `name` and all that it defines. Throws `TemplateError`. */
export function parseTemplate(name: string, text: string, options: ParseOptions): Map<string, Tree> {
  const trees = new Map<string, Tree>()
  new Parser(name, text, options, trees).run()
  return trees
}

type EndNode = { readonly kind: 'end' | 'else'; readonly position: number }

function isEnd(node: StatementNode | EndNode): node is EndNode {
  return node.kind === 'end' || node.kind === 'else'
}

const operandKinds: readonly TokenKind[] = [
  'bool',
  'charConstant',
  'complex',
  'dot',
  'field',
  'identifier',
  'number',
  'nil',
  'rawString',
  'string',
  'variable',
  'leftParen',
]

class Parser {
  readonly #parseName: string
  readonly #text: string
  readonly #options: ParseOptions
  readonly #trees: Map<string, Tree>
  readonly #tokens: readonly Token[]
  #index = 0
  #furthest = 0
  #variables: string[] = ['$']
  #rangeDepth = 0
  #actionLine = 0
  /** Whether the next word may name a metric: the first of an action's first command. */
  #metricPosition = -1

  constructor(name: string, text: string, options: ParseOptions, trees: Map<string, Tree>) {
    this.#parseName = name
    this.#text = text
    this.#options = options
    this.#trees = trees
    this.#tokens = tokenize(text)
  }

  run(): void {
    const position = this.#peek().position
    const nodes: StatementNode[] = []
    while (this.#peek().kind !== 'eof') {
      const start = this.#index
      if (this.#next().kind === 'leftDelim' && this.#nextNonSpace().kind === 'define') {
        this.#definition()
        continue
      }
      this.#index = start
      const node = this.#textOrAction()
      if (isEnd(node)) this.#fail(`unexpected {{${node.kind}}}`)
      nodes.push(node)
    }
    this.#add(this.#parseName, { kind: 'list', position, nodes })
  }

  #add(name: string, root: ListNode): void {
    const old = this.#trees.get(name)
    if (old !== undefined && !isEmptyTree(old.root)) {
      if (!isEmptyTree(root)) this.#fail(`template: multiple definition of template ${quote(name)}`)
      return
    }
    this.#trees.set(name, { name, parseName: this.#parseName, text: this.#text, root })
  }

  #definition(): void {
    const context = 'define clause'
    const token = this.#nextNonSpace()
    if (token.kind !== 'string' && token.kind !== 'rawString') this.#unexpected(token, context)
    const name = unquote(token.text)
    if (name === undefined) this.#fail('invalid syntax')
    this.#expect('rightDelim', context)
    this.#body(name, context)
  }

  /** The body of a `define` or `block` up to its `end`: a tree of its own, with variables of its own. */
  #body(name: string, context: string): void {
    const outerVariables = this.#variables
    const outerDepth = this.#rangeDepth
    this.#variables = ['$']
    this.#rangeDepth = 0
    const { list, end } = this.#itemList()
    if (end.kind !== 'end') this.#fail(`unexpected {{${end.kind}}} in ${context}`)
    this.#add(name, list)
    this.#variables = outerVariables
    this.#rangeDepth = outerDepth
  }

  #itemList(): { readonly list: ListNode; readonly end: EndNode } {
    const position = this.#peekNonSpace().position
    const nodes: StatementNode[] = []
    while (this.#peekNonSpace().kind !== 'eof') {
      const node = this.#textOrAction()
      if (isEnd(node)) return { list: { kind: 'list', position, nodes }, end: node }
      nodes.push(node)
    }
    this.#fail('unexpected EOF')
  }

  #textOrAction(): StatementNode | EndNode {
    const token = this.#nextNonSpace()
    if (token.kind === 'text') return { kind: 'text', position: token.position, text: token.text }
    if (token.kind !== 'leftDelim') this.#unexpected(token, 'input')
    this.#actionLine = token.line
    const node = this.#action(token)
    this.#actionLine = 0
    return node
  }

  #action(delim: Token): StatementNode | EndNode {
    const token = this.#nextNonSpace()
    const { position } = token
    switch (token.kind) {
      case 'block':
        return this.#block()
      case 'break':
      case 'continue':
        return this.#breakOrContinue(token.kind, position)
      case 'else': {
        const next = this.#peekNonSpace()
        if (next.kind === 'if' || next.kind === 'with') return { kind: 'else', position: next.position }
        return { kind: 'else', position: this.#expect('rightDelim', 'else').position }
      }
      case 'end':
        return { kind: 'end', position: this.#expect('rightDelim', 'end').position }
      case 'if':
      case 'range':
      case 'with':
        return this.#branch(token.kind)
      case 'template':
        return this.#template()
    }
    this.#index--
    this.#metricPosition = position
    const pipe = this.#pipeline('command', 'rightDelim')
    const end = this.#tokens[this.#index - 1]
    const source = this.#text.slice(delim.position, (end?.position ?? 0) + (end?.text.length ?? 0))
    return { kind: 'action', position, pipe, source }
  }

  #breakOrContinue(kind: 'break' | 'continue', position: number): StatementNode {
    const token = this.#nextNonSpace()
    if (token.kind !== 'rightDelim') this.#unexpected(token, `{{${kind}}}`)
    if (this.#rangeDepth === 0) this.#fail(`{{${kind}}} outside {{range}}`)
    return { kind, position }
  }

  #branch(kind: BranchNode['kind']): BranchNode {
    const scope = this.#variables.length
    const pipe = this.#pipeline(kind, 'rightDelim')
    if (kind === 'range') this.#rangeDepth++
    const { list, end } = this.#itemList()
    if (kind === 'range') this.#rangeDepth--
    let elseList: ListNode | undefined
    if (end.kind === 'else') {
      const next = this.#peek().kind
      if (next === kind && kind !== 'range') {
        // `else if` and `else with` nest, and share the one `end`.
        this.#next()
        elseList = { kind: 'list', position: end.position, nodes: [this.#branch(kind)] }
      } else {
        const otherwise = this.#itemList()
        if (otherwise.end.kind !== 'end') this.#fail(`expected end; found {{${otherwise.end.kind}}}`)
        elseList = otherwise.list
      }
    }
    this.#variables.length = scope
    return { kind, position: pipe.position, pipe, list, elseList }
  }

  #block(): TemplateNode {
    const context = 'block clause'
    const token = this.#nextNonSpace()
    const name = this.#templateName(token, context)
    const pipe = this.#pipeline(context, 'rightDelim')
    this.#body(name, context)
    return { kind: 'template', position: token.position, name, pipe }
  }

  #template(): TemplateNode {
    const context = 'template clause'
    const token = this.#nextNonSpace()
    const name = this.#templateName(token, context)
    if (this.#nextNonSpace().kind === 'rightDelim') return { kind: 'template', position: token.position, name, pipe: undefined }
    this.#index--
    return { kind: 'template', position: token.position, name, pipe: this.#pipeline(context, 'rightDelim') }
  }

  #templateName(token: Token, context: string): string {
    if (token.kind !== 'string' && token.kind !== 'rawString') this.#unexpected(token, context)
    const name = unquote(token.text)
    if (name === undefined) this.#fail('invalid syntax')
    return name
  }

  #pipeline(context: string, end: TokenKind): PipeNode {
    const position = this.#peekNonSpace().position
    const { variables, isAssign } = this.#declarations(context)
    const commands: CommandNode[] = []
    for (;;) {
      const token = this.#nextNonSpace()
      if (token.kind === end) break
      if (!operandKinds.includes(token.kind)) this.#unexpected(token, context)
      this.#index--
      commands.push(this.#command())
    }
    if (commands.length === 0) this.#fail(`missing value for ${context}`)
    commands.slice(1).forEach((command, i) => {
      const first = command.args[0]?.kind ?? 'nil'
      if (['bool', 'dot', 'nil', 'number', 'string'].includes(first)) this.#fail(`non executable command in pipeline stage ${i + 2}`)
    })
    return { kind: 'pipe', position, isAssign, variables, commands }
  }

  /** `$x :=`, `$x =` or, in a range, `$i, $x :=`. A variable that is only used is left for the command. */
  #declarations(context: string): { readonly variables: readonly VariableNode[]; readonly isAssign: boolean } {
    const variables: VariableNode[] = []
    for (;;) {
      const token = this.#peekNonSpace()
      if (token.kind !== 'variable') return { variables, isAssign: false }
      const start = this.#index
      this.#nextNonSpace()
      const next = this.#peekNonSpace()
      const declare = (): void => {
        this.#nextNonSpace()
        variables.push({ kind: 'variable', position: token.position, path: token.text.split('.') })
        this.#variables.push(token.text)
      }
      if (next.kind === 'assign' || next.kind === 'declare') {
        declare()
        // A bare word may also follow `$x :=`.
        if (this.#metricPosition === this.#tokens[start]?.position) this.#metricPosition = this.#peekNonSpace().position
        return { variables, isAssign: next.kind === 'assign' }
      }
      if (next.kind !== 'char' || next.text !== ',') {
        this.#index = start
        return { variables, isAssign: false }
      }
      declare()
      if (context !== 'range' || variables.length >= 2) this.#fail(`too many declarations in ${context}`)
      const following = this.#peekNonSpace().kind
      if (following !== 'variable' && following !== 'rightDelim' && following !== 'rightParen') this.#fail('range can only initialize variables')
    }
  }

  #command(): CommandNode {
    const position = this.#peekNonSpace().position
    const args: OperandNode[] = []
    for (;;) {
      this.#peekNonSpace()
      const operand = this.#operand()
      if (operand !== undefined) args.push(operand)
      const token = this.#next()
      if (token.kind === 'space') continue
      if (token.kind === 'rightDelim' || token.kind === 'rightParen') this.#index--
      else if (token.kind !== 'pipe') this.#unexpected(token, 'operand')
      break
    }
    if (args.length === 0) this.#fail('empty command')
    return { kind: 'command', position, args }
  }

  #operand(): OperandNode | undefined {
    const node = this.#term()
    const first = this.#peek()
    if (node === undefined || first.kind !== 'field') return node
    const path: string[] = []
    while (this.#peek().kind === 'field') path.push(this.#next().text.slice(1))
    const { position } = first
    switch (node.kind) {
      case 'field':
      case 'variable':
        return { kind: node.kind, position, path: [...node.path, ...path] }
      case 'bool':
      case 'string':
      case 'number':
      case 'nil':
      case 'dot':
        this.#fail(`unexpected . after term ${quote(printNode(node))}`)
    }
    return { kind: 'chain', position, node, path }
  }

  #term(): OperandNode | undefined {
    const token = this.#nextNonSpace()
    const { position } = token
    switch (token.kind) {
      case 'identifier':
        return this.#identifier(token)
      case 'dot':
        return { kind: 'dot', position }
      case 'nil':
        return { kind: 'nil', position }
      case 'variable':
        if (!this.#variables.includes(token.text)) this.#fail(`undefined variable ${quote(token.text)}`)
        return { kind: 'variable', position, path: [token.text] }
      case 'field':
        return { kind: 'field', position, path: [token.text.slice(1)] }
      case 'bool':
        return { kind: 'bool', position, value: token.text === 'true' }
      case 'charConstant':
      case 'complex':
      case 'number':
        return this.#number(token)
      case 'leftParen':
        return this.#pipeline('parenthesized pipeline', 'rightParen')
      case 'string':
      case 'rawString': {
        const value = unquote(token.text)
        if (value === undefined) this.#fail('invalid syntax')
        return { kind: 'string', position, source: token.text, value }
      }
    }
    this.#index--
    return undefined
  }

  #identifier(token: Token): OperandNode {
    const { position, text: name } = token
    if (this.#options.hasFunction(name)) return { kind: 'identifier', position, name }
    const error = `function ${quote(name)} not defined`
    const allowed = this.#options.onMetricName !== undefined && position === this.#metricPosition && this.#commandEndsHere()
    if (!allowed) this.#fail(error)
    this.#options.onMetricName?.(name, this.#located(error))
    return { kind: 'metric', position, name }
  }

  #commandEndsHere(): boolean {
    const next = this.#peekNonSpace().kind
    return next === 'rightDelim' || next === 'pipe'
  }

  #number(token: Token): NumberNode {
    const node = readNumber(token)
    if (typeof node === 'string') this.#fail(node)
    return node
  }

  #peek(): Token {
    this.#furthest = Math.max(this.#furthest, this.#index)
    return this.#tokens[Math.min(this.#index, this.#tokens.length - 1)] as Token // a text has at least its end token
  }

  #next(): Token {
    const token = this.#peek()
    this.#index++
    return token
  }

  #peekNonSpace(): Token {
    while (this.#peek().kind === 'space') this.#index++
    return this.#peek()
  }

  #nextNonSpace(): Token {
    this.#peekNonSpace()
    return this.#next()
  }

  #expect(kind: TokenKind, context: string): Token {
    const token = this.#nextNonSpace()
    if (token.kind !== kind) this.#unexpected(token, context)
    return token
  }

  #unexpected(token: Token, context: string): never {
    if (token.kind !== 'error') this.#fail(`unexpected ${describeToken(token)} in ${context}`)
    let extra = ''
    if (this.#actionLine !== 0 && this.#actionLine !== token.line) {
      extra = ` in action started at ${this.#parseName}:${this.#actionLine}`
      if (token.text.endsWith(' action')) extra = extra.slice(' in action'.length)
    }
    this.#fail(token.text + extra)
  }

  #fail(message: string): never {
    throw new TemplateError(this.#located(message), this.#line())
  }

  #located(message: string): string {
    return `template: ${this.#parseName}:${this.#line()}: ${message}`
  }

  /** The line of the last token looked at, which is the one Go reports. */
  #line(): number {
    return this.#tokens[Math.min(this.#furthest, this.#tokens.length - 1)]?.line ?? 1
  }
}
