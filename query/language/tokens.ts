// From query text to tokens. Words are keywords only where the grammar asks for one, so every keyword is also in the
// category of what else it may be: a metric name, a label name. Braces and brackets have their own lexing rules.

import { createToken, Lexer, type IToken, type TokenType } from 'chevrotain'
import { parameterAggregateOps, plainAggregateOps } from './ast.ts'
import { goQuote, stringLiteralError } from './stringLiteral.ts'

const abstract = (name: string): TokenType => createToken({ name, pattern: Lexer.NA })

/** What may stand as a metric name, as a label name in `by (...)`, and as the name of a function. */
export const MetricWord = abstract('MetricWord')
export const LabelWord = abstract('LabelWord')
export const FunctionWord = abstract('FunctionWord')
export const AggregateWord = abstract('AggregateWord')
export const BinaryOperator = abstract('BinaryOperator')
export const Sign = abstract('Sign')
export const FactorOperator = abstract('FactorOperator')
export const NumberOrDuration = abstract('NumberOrDuration')
export const MatchOperator = abstract('MatchOperator')
export const DurationFunction = abstract('DurationFunction')
export const FillWord = abstract('FillWord')

const Identifier = createToken({ name: 'Identifier', pattern: /[a-zA-Z_][a-zA-Z0-9_]*/, categories: [MetricWord, LabelWord, FunctionWord] })
/** A name with a colon: a metric, never a label or function. */
const MetricIdentifier = createToken({ name: 'MetricIdentifier', pattern: /(?:[a-zA-Z_][a-zA-Z0-9_]*)?:[a-zA-Z0-9_:]*/, categories: [MetricWord] })
/** The name of a label inside braces, where no word is a keyword. */
export const LabelName = createToken({ name: 'LabelName', pattern: Identifier.PATTERN as RegExp })

/** How an error names a keyword: `<by>`, `<op:and>`, `<aggr:sum>`; `"start"` and kin like any text. */
type KeywordClass = '' | 'op:' | 'aggr:' | 'quoted'
const keywordClasses = new Map<TokenType, KeywordClass>()

function keyword(word: string, categories: TokenType[], keywordClass: KeywordClass = ''): TokenType {
  const token = createToken({
    name: word.toUpperCase(),
    pattern: new RegExp(word, 'i'),
    longer_alt: [MetricIdentifier, Identifier],
    categories,
  })
  keywordClasses.set(token, keywordClass)
  return token
}

const aggregate = (word: string) => keyword(word, [MetricWord, LabelWord, AggregateWord], 'aggr:')

export const GroupLeft = keyword('group_left', [LabelWord])
export const GroupRight = keyword('group_right', [LabelWord])
const FillLeft = keyword('fill_left', [MetricWord, LabelWord, FillWord])
const FillRight = keyword('fill_right', [MetricWord, LabelWord, FillWord])
const Fill = keyword('fill', [MetricWord, LabelWord, FillWord])
const aggregates = [...plainAggregateOps, ...parameterAggregateOps].map(aggregate)
const And = keyword('and', [MetricWord, LabelWord, BinaryOperator], 'op:')
const Or = keyword('or', [MetricWord, LabelWord, BinaryOperator], 'op:')
const Unless = keyword('unless', [MetricWord, LabelWord, BinaryOperator], 'op:')
const Atan2 = keyword('atan2', [LabelWord, BinaryOperator], 'op:')
export const By = keyword('by', [MetricWord, LabelWord])
export const Without = keyword('without', [MetricWord, LabelWord])
export const On = keyword('on', [LabelWord])
export const Ignoring = keyword('ignoring', [LabelWord])
export const Bool = keyword('bool', [LabelWord])
export const Offset = keyword('offset', [MetricWord, LabelWord])
export const Anchored = keyword('anchored', [MetricWord, LabelWord])
export const Smoothed = keyword('smoothed', [MetricWord, LabelWord])
export const Start = keyword('start', [MetricWord, LabelWord, FunctionWord], 'quoted')
export const End = keyword('end', [MetricWord, LabelWord, FunctionWord], 'quoted')
const durationFunctions = ['step', 'range', 'min_of', 'max_of']
const durationWords = durationFunctions.map((word) => keyword(word, [MetricWord, LabelWord, FunctionWord, DurationFunction], 'quoted'))
const Inf = keyword('inf', [LabelWord, NumberOrDuration])
const Nan = keyword('nan', [LabelWord, NumberOrDuration])

/** Longest first, because "longer_alt" knows the identifiers but not that `min_of` begins with `min`. */
const keywords: readonly TokenType[] = [
  GroupLeft, GroupRight, FillLeft, FillRight, Fill, ...aggregates, And, Atan2, Or, Unless, By, Without, On, Ignoring, Bool, Offset,
  Anchored, Smoothed, Start, End, ...durationWords, Inf, Nan,
].sort((a, b) => b.name.length - a.name.length)

/** Between brackets only these words mean something, and a colon never belongs to a word. */
const bracketWords = durationFunctions.map((word) =>
  createToken({ name: `${word}InBrackets`, pattern: new RegExp(word, 'i'), longer_alt: Identifier, categories: [DurationFunction] }),
)

/** Hexadecimal, or digits with one underscore between two, fraction and exponent; an exponent without digits is found later. */
const NumberToken = createToken({
  name: 'Number',
  pattern: /(?:0[xX]_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*|(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?)(?![a-zA-Z0-9_])/,
  categories: [NumberOrDuration],
  start_chars_hint: [...'.0123456789'],
  line_breaks: false,
})
/** Digits and units in any order; what is no duration is found when it is read. */
export const DurationToken = createToken({
  name: 'Duration',
  pattern: /\d+[smhdwy]s?(?:\d+[smhdw]s?)*(?![a-zA-Z0-9_])/,
  categories: [NumberOrDuration],
  start_chars_hint: [...'0123456789'],
  line_breaks: false,
})
export const StringToken = createToken({
  name: 'String',
  pattern: /"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*'|`[^`]*`/,
  line_breaks: true,
  start_chars_hint: ['"', "'", '`'],
})

const punctuation = (name: string, pattern: string, more: { push_mode?: string; pop_mode?: boolean; categories?: TokenType[] } = {}) =>
  createToken({ name, pattern, ...more })

export const LeftParen = punctuation('LeftParen', '(')
export const RightParen = punctuation('RightParen', ')')
export const LeftBrace = punctuation('LeftBrace', '{', { push_mode: 'braces' })
export const RightBrace = punctuation('RightBrace', '}', { pop_mode: true })
export const LeftBracket = punctuation('LeftBracket', '[', { push_mode: 'brackets' })
export const RightBracket = punctuation('RightBracket', ']', { pop_mode: true })
export const Comma = punctuation('Comma', ',')
export const Colon = punctuation('Colon', ':')
export const At = punctuation('At', '@')
const Assign = punctuation('Assign', '=')

const EqualMatch = punctuation('EqualMatch', '=', { categories: [MatchOperator] })
const matchOperators = [
  punctuation('RegexMatch', '=~', { categories: [MatchOperator] }),
  punctuation('NotRegexMatch', '!~', { categories: [MatchOperator] }),
  punctuation('NotEqualMatch', '!=', { categories: [MatchOperator] }),
  EqualMatch,
]

const Plus = punctuation('Plus', '+', { categories: [BinaryOperator, Sign] })
const Minus = punctuation('Minus', '-', { categories: [BinaryOperator, Sign] })
const factors = [
  punctuation('Multiply', '*', { categories: [BinaryOperator, FactorOperator] }),
  punctuation('Divide', '/', { categories: [BinaryOperator, FactorOperator] }),
  punctuation('Modulo', '%', { categories: [BinaryOperator, FactorOperator] }),
]
export const Power = punctuation('Power', '^', { categories: [BinaryOperator] })
const comparisons = [
  ['EqualTo', '=='], ['NotEqualTo', '!='], ['TrimUpper', '</'], ['TrimLower', '>/'], ['AtMost', '<='], ['AtLeast', '>='], ['Less', '<'], ['Greater', '>'],
].map(([name = '', pattern = '']) => punctuation(name, pattern, { categories: [BinaryOperator] }))

const WhiteSpace = createToken({ name: 'WhiteSpace', pattern: /[ \t\r\n]+/, group: Lexer.SKIPPED, line_breaks: true })
const Comment = createToken({ name: 'Comment', pattern: /#[^\n\r]*/, group: Lexer.SKIPPED })

const abstracts = [
  MetricWord, LabelWord, FunctionWord, AggregateWord, BinaryOperator, Sign, FactorOperator, NumberOrDuration, MatchOperator, DurationFunction, FillWord,
]

const lexerModes = {
  defaultMode: 'statement',
  modes: {
    statement: [
      WhiteSpace, Comment, ...keywords, MetricIdentifier, Identifier, NumberToken, DurationToken, StringToken,
      LeftParen, RightParen, LeftBrace, LeftBracket, Comma, At, Plus, Minus, ...factors, Power, ...comparisons, Assign, ...abstracts,
    ],
    braces: [WhiteSpace, Comment, LabelName, StringToken, Comma, ...matchOperators, RightBrace],
    brackets: [
      WhiteSpace, Comment, ...bracketWords, Identifier, NumberToken, DurationToken, StringToken, LeftParen, RightParen, RightBracket, Colon, Comma,
      Plus, Minus, ...factors, Power,
    ],
  },
}

/** All token types, for the parser. */
export const vocabulary = lexerModes

/** Built for the first text. */
let builtLexer: Lexer | undefined

/** Builds the lexer again with all of chevrotain's checks; for the test of the grammar. */
export function lexerDefinitionErrors(): readonly string[] {
  return new Lexer(lexerModes, { positionTracking: 'onlyOffset', deferDefinitionErrorsHandling: true }).lexerDefinitionErrors.map((error) => error.message)
}

/** Why the text cannot be read on: what comes at `offset` is no token, or not one that may come there. */
export type LexicalError = { readonly offset: number; readonly text: string }

export type Tokens = { readonly tokens: IToken[]; readonly error?: LexicalError }

/** The tokens up to the first lexical error. */
export function tokenize(text: string): Tokens {
  builtLexer ??= new Lexer(lexerModes, { positionTracking: 'onlyOffset', skipValidations: true, recoveryEnabled: false })
  const { tokens, errors } = builtLexer.tokenize(text)
  const first = errors[0]
  let error = first && unreadable(text, first.offset, tokens)
  const after = error === undefined ? -1 : tokens.findIndex((token) => token.startOffset >= (error as LexicalError).offset)
  const usable = after < 0 ? tokens.length : after
  let parenDepth = 0
  let bracketOpen = false
  let colonSeen = false
  let braceOpen = false
  for (let i = 0; i < usable; i++) {
    const token = tokens[i] as IToken // i < length
    const type = token.tokenType
    let found: LexicalError | undefined
    if (type === LeftParen) parenDepth++
    else if (type === RightParen && --parenDepth < 0) found = { offset: token.startOffset + 1, text: "unexpected right parenthesis ')'" }
    else if (type === LeftBracket) {
      bracketOpen = true
      colonSeen = false
    } else if (type === RightBracket) bracketOpen = false
    else if (type === Colon) {
      if (tokens[i - 1]?.tokenType === LeftBracket) found = { offset: token.startOffset + 1, text: 'unexpected colon before duration in duration expression' }
      else if (colonSeen) found = { offset: token.startOffset + 1, text: 'unexpected repeated colon in duration expression' }
      colonSeen = true
    } else if (bracketOpen && (type === Identifier || type === StringToken)) found = outsideOfDuration(token.image, token.startOffset)
    else if (type === LeftBrace) braceOpen = true
    else if (type === RightBrace) braceOpen = false
    else if (type === StringToken) {
      const reason = stringLiteralError(token.image)
      if (reason !== undefined) found = { offset: token.startOffset, text: reason }
    }
    if (found !== undefined) return { tokens: tokens.slice(0, i), error: found }
  }
  if (error === undefined && braceOpen) error = { offset: text.length, text: 'unexpected end of input inside braces' }
  if (error === undefined && bracketOpen) error = { offset: text.length, text: 'unexpected end of input in duration expression' }
  if (error === undefined && parenDepth > 0) error = { offset: text.length, text: 'unclosed left parenthesis' }
  return error === undefined ? { tokens } : { tokens: tokens.slice(0, usable), error }
}

function unreadable(text: string, offset: number, tokens: readonly IToken[]): LexicalError {
  const character = String.fromCodePoint(text.codePointAt(offset) ?? 0)
  const quoted = quoteCharacter(character)
  const before = tokens.findLast((token) => token.startOffset < offset && isMode(token.tokenType))?.tokenType
  const says = (message: string): LexicalError => ({ offset, text: message })
  if (before === LeftBracket && !/[\d.]/.test(character)) return outsideOfDuration(text, offset, offset)
  if (character === '"' || character === "'") return says(stringLiteralError(text.slice(offset)) ?? 'unterminated quoted string')
  if (character === '`') return says(stringLiteralError(text.slice(offset)) ?? 'unterminated raw string')
  if (before === LeftBrace) {
    if (character === '{') return says("unexpected left brace '{'")
    if (character === '!') return says(`unexpected character after '!' inside braces: ${followedBy(text, offset)}`)
    return says(`unexpected character inside braces: ${quoted}`)
  }
  const number = /(?:0[xX]_?[0-9a-fA-F]*|[.\d][\d._]*(?:[eE][+-]?\d*)?)(?:[smhdwy]s?(?:\d+[smhdw]s?)*[a-zA-Z0-9_]?)?/y
  number.lastIndex = offset
  const digits = /\d/.test(character) || /^\.\d/.test(text.slice(offset, offset + 2)) ? number.exec(text)?.[0] : undefined
  if (digits !== undefined) return says(`bad number or duration syntax: ${goQuote(digits)}`)
  if (character === '!') return says(`unexpected character after '!': ${followedBy(text, offset)}`)
  if (character === '~' && text[offset - 1] === '=') return { offset: offset - 1, text: "unexpected character after '=': '~'" }
  if (character === ']') return says("unexpected right bracket ']'")
  if (character === ':') return says("unexpected colon ':'")
  return says(`unexpected character: ${quoted}`)
}

function outsideOfDuration(text: string, offset: number, at = 0): LexicalError {
  const character = String.fromCodePoint(text.codePointAt(at) ?? 0)
  return { offset, text: `unexpected character in duration expression: ${quoteCharacter(character)}` }
}

const isMode = (type: TokenType) => type === LeftBrace || type === RightBrace || type === LeftBracket || type === RightBracket

function followedBy(text: string, offset: number): string {
  const next = text.codePointAt(offset + 1)
  return next === undefined ? "'\ufffd'" : quoteCharacter(String.fromCodePoint(next))
}

function quoteCharacter(character: string): string {
  if (character === "'") return "'\\''"
  if (character === '"') return `'"'`
  return `'${goQuote(character).slice(1, -1)}'`
}

/** What a word says: keywords are the same in any case, also where they name a function. */
export function wordOf({ tokenType, image }: IToken): string {
  return keywordClasses.has(tokenType) ? image.toLowerCase() : image
}

/** How a syntax error names a token. */
export function describeToken(token: IToken): string {
  const { tokenType: type, image } = token
  if (type === NumberToken || type === Inf || type === Nan) return `number ${abbreviate(image)}`
  if (type === DurationToken) return `duration ${abbreviate(image)}`
  if (type === StringToken) return `string ${abbreviate(image)}`
  if (type === Identifier || type === LabelName) return `identifier ${goQuote(image)}`
  if (type === MetricIdentifier) return `metric identifier ${goQuote(image)}`
  const keywordClass = keywordClasses.get(type)
  if (keywordClass === 'quoted') return goQuote(image)
  if (keywordClass !== undefined) return `<${keywordClass}${image}>`
  const isOperator = type === At || type.CATEGORIES?.includes(BinaryOperator) || (type.CATEGORIES?.includes(MatchOperator) && type !== EqualMatch)
  return isOperator ? `<op:${image}>` : goQuote(image)
}

function abbreviate(image: string): string {
  const characters = [...image]
  return characters.length > 10 ? `${goQuote(characters.slice(0, 10).join(''))}...` : goQuote(image)
}
