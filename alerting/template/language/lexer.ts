// Template text to tokens, as Go's text/template/parse/lex.go cuts it: text outside `{{ }}`, spaces as tokens inside, trim
// markers applied here. A lexical mistake is a token too; the parser turns it into an error where it meets it.

import { isPrintable, quote } from '../go/goQuote.ts'

export type TokenKind =
  | 'error'
  | 'bool'
  | 'char'
  | 'charConstant'
  | 'complex'
  | 'assign'
  | 'declare'
  | 'eof'
  | 'field'
  | 'identifier'
  | 'leftDelim'
  | 'leftParen'
  | 'number'
  | 'pipe'
  | 'rawString'
  | 'rightDelim'
  | 'rightParen'
  | 'space'
  | 'string'
  | 'text'
  | 'variable'
  | 'dot'
  | Keyword

const keywords = ['block', 'break', 'continue', 'define', 'else', 'end', 'if', 'nil', 'range', 'template', 'with'] as const
export type Keyword = (typeof keywords)[number]

/** `position` is an offset into the whole text, `line` is 1-based. */
export type Token = { readonly kind: TokenKind; readonly position: number; readonly text: string; readonly line: number }

const leftDelim = '{{'
const rightDelim = '}}'
const spaces = ' \t\r\n'

/** A token as Go's messages show it. */
export function describeToken(token: Token): string {
  if (token.kind === 'eof') return 'EOF'
  if (token.kind === 'error') return token.text
  if (token.kind === 'dot' || isKeyword(token.kind)) return `<${token.text}>`
  const characters = [...token.text]
  return characters.length > 10 ? `${quote(characters.slice(0, 10).join(''))}...` : quote(token.text)
}

function isKeyword(text: string): text is Keyword {
  return (keywords as readonly string[]).includes(text)
}

/** All tokens of a template; the last is `eof` or `error`. */
export function tokenize(input: string): Token[] {
  return new Lexer(input).run()
}

class Lexer {
  readonly #input: string
  readonly #tokens: Token[] = []
  #start = 0
  #position = 0
  #line = 1
  #startLine = 1
  #parenDepth = 0

  constructor(input: string) {
    this.#input = input
  }

  run(): Token[] {
    while (this.#text() && this.#action()) {
      // One round is a stretch of text and the action after it.
    }
    return this.#tokens
  }

  /** Text up to the next action. False at the end of the input. */
  #text(): boolean {
    const delim = this.#input.indexOf(leftDelim, this.#position)
    let end = delim < 0 ? this.#input.length : delim
    const trimmed = delim >= 0 && this.#hasLeftTrim(delim + leftDelim.length)
    if (trimmed) while (end > this.#start && spaces.includes(this.#input[end - 1] ?? '')) end--
    this.#position = end
    if (end > this.#start) this.#emit('text')
    if (delim < 0) {
      this.#emit('eof')
      return false
    }
    this.#position = delim
    this.#ignore()
    return true
  }

  /** One action with its delimiters, or a comment. False after an error. */
  #action(): boolean {
    const trim = this.#hasLeftTrim(this.#position + leftDelim.length) ? 2 : 0
    if (this.#input.startsWith('/*', this.#position + leftDelim.length + trim)) return this.#comment(leftDelim.length + trim)
    this.#position += leftDelim.length
    this.#emit('leftDelim')
    this.#position += trim
    this.#ignore()
    this.#parenDepth = 0
    for (;;) {
      const delim = this.#rightDelimLength()
      if (delim > 0 && this.#parenDepth === 0) {
        this.#rightDelim(delim)
        return true
      }
      if (delim > 0) return this.#error('unclosed left paren')
      if (!this.#inside()) return false
    }
  }

  #comment(skip: number): boolean {
    this.#position += skip + 2
    const end = this.#input.indexOf('*/', this.#position)
    if (end < 0) return this.#error('unclosed comment')
    this.#position = end + 2
    const delim = this.#rightDelimLength()
    if (delim === 0) return this.#error('comment ends before closing delimiter')
    this.#position += delim
    this.#skipTrimmed(delim)
    this.#ignore()
    return true
  }

  #rightDelim(length: number): void {
    if (length > rightDelim.length) {
      this.#position += length - rightDelim.length
      this.#ignore()
    }
    this.#position += rightDelim.length
    this.#emit('rightDelim')
    this.#skipTrimmed(length)
    this.#ignore()
  }

  #skipTrimmed(delimLength: number): void {
    if (delimLength === rightDelim.length) return
    while (this.#position < this.#input.length && spaces.includes(this.#peek())) this.#position++
  }

  /** One token inside an action. False after an error. */
  #inside(): boolean {
    const character = this.#next()
    switch (character) {
      case '':
        return this.#error('unclosed action')
      case ' ':
      case '\t':
      case '\r':
      case '\n':
        return this.#space()
      case '=':
        return this.#emit('assign')
      case ':':
        return this.#next() === '=' ? this.#emit('declare') : this.#error('expected :=')
      case '|':
        return this.#emit('pipe')
      case '"':
        return this.#quoted('"', 'string', 'unterminated quoted string')
      case "'":
        return this.#quoted("'", 'charConstant', 'unterminated character constant')
      case '`': {
        const end = this.#input.indexOf('`', this.#position)
        if (end < 0) return this.#error('unterminated raw quoted string')
        this.#position = end + 1
        return this.#emit('rawString')
      }
      case '$':
        return this.#fieldOrVariable('variable')
      case '(':
        this.#parenDepth++
        return this.#emit('leftParen')
      case ')':
        if (--this.#parenDepth < 0) return this.#error('unexpected right paren')
        return this.#emit('rightParen')
    }
    if (character === '.' && !/\d/.test(this.#peek()) && this.#position < this.#input.length) return this.#fieldOrVariable('field')
    if (/[.+\-0-9]/.test(character)) {
      this.#position -= 1
      return this.#number()
    }
    if (isAlphanumeric(character)) return this.#identifier()
    const code = character.codePointAt(0) ?? 0
    if (code < 128 && isPrintable(character)) return this.#emit('char')
    const shown = isPrintable(character) ? ` '${character}'` : ''
    return this.#error(`unrecognized character in action: U+${code.toString(16).toUpperCase().padStart(4, '0')}${shown}`)
  }

  #space(): boolean {
    while (this.#peek() !== '' && spaces.includes(this.#peek())) this.#position++
    // The last space may belong to a trim marker ` -}}`.
    if (this.#input.startsWith(`-${rightDelim}`, this.#position)) {
      this.#position--
      if (this.#position === this.#start) return true
    }
    return this.#emit('space')
  }

  #identifier(): boolean {
    while (isAlphanumeric(this.#peek())) this.#next()
    const word = this.#input.slice(this.#start, this.#position)
    if (!this.#atTerminator()) return this.#badCharacter()
    if (isKeyword(word)) return this.#emit(word)
    return this.#emit(word === 'true' || word === 'false' ? 'bool' : 'identifier')
  }

  #fieldOrVariable(kind: 'field' | 'variable'): boolean {
    if (this.#atTerminator()) return this.#emit(kind === 'variable' ? 'variable' : 'dot')
    while (isAlphanumeric(this.#peek())) this.#next()
    return this.#atTerminator() ? this.#emit(kind) : this.#badCharacter()
  }

  #badCharacter(): boolean {
    const character = this.#peek()
    const code = character.codePointAt(0) ?? 0
    const shown = isPrintable(character) ? ` '${character}'` : ''
    return this.#error(`bad character U+${code.toString(16).toUpperCase().padStart(4, '0')}${shown}`)
  }

  #quoted(mark: string, kind: TokenKind, message: string): boolean {
    for (;;) {
      let character = this.#next()
      if (character === '\\') {
        character = this.#next()
        if (character !== '' && character !== '\n') continue
      }
      if (character === '' || character === '\n') return this.#error(message)
      if (character === mark) return this.#emit(kind)
    }
  }

  #number(): boolean {
    const bad = (): boolean => this.#error(`bad number syntax: ${quote(this.#input.slice(this.#start, this.#position))}`)
    if (!this.#scanNumber()) return bad()
    if (this.#peek() !== '+' && this.#peek() !== '-') return this.#emit('number')
    if (!this.#scanNumber() || this.#input[this.#position - 1] !== 'i') return bad()
    return this.#emit('complex')
  }

  #scanNumber(): boolean {
    const accept = (pattern: RegExp): string => {
      const found = pattern.exec(this.#input.slice(this.#position, this.#position + 400))?.[0] ?? ''
      this.#position += found.length
      return found
    }
    accept(/^[+-]/)
    const prefix = accept(/^0[xXoObB]/).slice(1).toLowerCase()
    const digits = prefix === 'x' ? /^[0-9a-fA-F_]+/ : prefix === 'o' ? /^[0-7_]+/ : prefix === 'b' ? /^[01_]+/ : /^[0-9_]+/
    accept(digits)
    if (accept(/^\./) !== '') accept(digits)
    if (prefix === '') accept(/^[eE][+-]?[0-9_]*/)
    if (prefix === 'x') accept(/^[pP][+-]?[0-9_]*/)
    accept(/^i/)
    if (!isAlphanumeric(this.#peek())) return true
    this.#next()
    return false
  }

  #atTerminator(): boolean {
    const character = this.#peek()
    return character === '' || spaces.includes(character) || '.,|:)('.includes(character) || this.#input.startsWith(rightDelim, this.#position)
  }

  #hasLeftTrim(position: number): boolean {
    return this.#input[position] === '-' && spaces.includes(this.#input[position + 1] ?? 'x')
  }

  /** Length of the closing delimiter here, its trim marker included; 0 when there is none. */
  #rightDelimLength(): number {
    const first = this.#input[this.#position] ?? 'x'
    if (spaces.includes(first) && this.#input.startsWith(`-${rightDelim}`, this.#position + 1)) return 2 + rightDelim.length
    return this.#input.startsWith(rightDelim, this.#position) ? rightDelim.length : 0
  }

  #next(): string {
    const character = this.#peek()
    this.#position += character.length
    return character
  }

  #peek(): string {
    const code = this.#input.codePointAt(this.#position)
    return code === undefined ? '' : String.fromCodePoint(code)
  }

  #emit(kind: TokenKind): true {
    const text = this.#input.slice(this.#start, this.#position)
    this.#countLines()
    this.#tokens.push({ kind, position: this.#start, text, line: this.#startLine })
    this.#start = this.#position
    this.#startLine = this.#line
    return true
  }

  #ignore(): void {
    this.#countLines()
    this.#start = this.#position
    this.#startLine = this.#line
  }

  #countLines(): void {
    for (let i = this.#start; i < this.#position; i++) if (this.#input[i] === '\n') this.#line++
  }

  #error(message: string): false {
    this.#tokens.push({ kind: 'error', position: this.#start, text: message, line: this.#startLine })
    return false
  }
}

function isAlphanumeric(character: string): boolean {
  return character === '_' || /^[\p{L}\p{Nd}]$/u.test(character)
}
