// Where in an HTML page a position is: in text, a tag, an attribute that holds a URL, a script's string and so on. Walks
// over a template's literal text; the transitions are those of Go's html/template.

import { CallError } from '../go/value.ts'

export type HtmlState =
  | 'text'
  | 'tag'
  | 'attributeName'
  | 'afterName'
  | 'beforeValue'
  | 'comment'
  | 'rawText'
  | 'attribute'
  | 'url'
  | 'sourceSet'
  | 'js'
  | 'jsDoubleQuoted'
  | 'jsSingleQuoted'
  | 'jsTemplateLiteral'
  | 'jsRegexp'
  | 'jsBlockComment'
  | 'jsLineComment'
  | 'css'
  | 'cssDoubleQuoted'
  | 'cssSingleQuoted'
  | 'cssDoubleQuotedUrl'
  | 'cssSingleQuotedUrl'
  | 'cssUrl'
  | 'cssBlockComment'
  | 'cssLineComment'

export type AttributeKind = 'plain' | 'url' | 'style' | 'script' | 'sourceSet' | 'scriptType'
type Element = 'none' | 'script' | 'style' | 'textarea' | 'title'

export type HtmlContext = {
  readonly state: HtmlState
  /** What ends the attribute value; `none` outside of one. */
  readonly delimiter: 'none' | '"' | "'" | 'spaceOrTagEnd'
  readonly urlPart: 'none' | 'beforeQuery' | 'queryOrFragment'
  /** Whether a slash in JavaScript would begin a regular expression. */
  readonly regexpAllowed: boolean
  readonly attribute: AttributeKind
  readonly element: Element
}

export const startContext: HtmlContext = {
  state: 'text',
  delimiter: 'none',
  urlPart: 'none',
  regexpAllowed: true,
  attribute: 'plain',
  element: 'none',
}

const attributeStates: Readonly<Record<AttributeKind, HtmlState>> = {
  plain: 'attribute',
  scriptType: 'attribute',
  script: 'js',
  style: 'css',
  url: 'url',
  sourceSet: 'sourceSet',
}

const urlAttributes = new Set(
  'action archive background cite classid codebase data formaction href icon longdesc manifest poster profile src usemap xmlns'.split(' '),
)

/** What an attribute of this (lower-case) name holds. */
export function attributeKind(fullName: string): AttributeKind {
  let name = fullName
  if (name.startsWith('data-')) name = name.slice(5)
  else if (name.includes(':')) {
    if (name.startsWith('xmlns:')) return 'url'
    name = name.slice(name.indexOf(':') + 1)
  }
  if (urlAttributes.has(name)) return 'url'
  if (name === 'srcset') return 'sourceSet'
  if (name === 'style') return 'style'
  if (name.startsWith('on')) return 'script'
  return /src|uri|url/.test(name) ? 'url' : 'plain'
}

/** The context in which a value printed here stands: `<a {{.}}` is about to name an attribute, `<a b={{.}}` to give a value. */
export function contextForValue(context: HtmlContext): HtmlContext {
  switch (context.state) {
    case 'tag':
      return { ...context, state: 'attributeName' }
    case 'afterName':
      return { ...context, state: 'attributeName', attribute: 'plain' }
    case 'beforeValue':
      return { ...context, state: attributeStates[context.attribute], delimiter: 'spaceOrTagEnd', attribute: 'plain' }
    default:
      return context
  }
}

/** Where nothing of a template's output is shown. */
export function isComment(context: HtmlContext): boolean {
  return ['comment', 'jsBlockComment', 'jsLineComment', 'cssBlockComment', 'cssLineComment'].includes(context.state)
}

type Step = { readonly context: HtmlContext; readonly length: number }

/** Reads some of `text` and returns the context after it; call again with the rest. Throws `CallError` on broken markup. */
export function advance(context: HtmlContext, text: string): Step {
  if (context.delimiter !== 'none') return advanceInValue(context, text)
  const end = specialEnd(context, text)
  if (end === 0) return { context: startContext, length: 0 }
  return transition(context, text.slice(0, end))
}

/** Where `</script` and the like end what only that tag can end; the length of the text when it does not come. */
function specialEnd(context: HtmlContext, text: string): number {
  if (context.element === 'none' || context.state === 'tag') return text.length
  const found = new RegExp(`</${context.element}(?=[\\s/>])`, 'i').exec(text)
  return found === null ? text.length : found.index
}

function advanceInValue(context: HtmlContext, text: string): Step {
  const found = context.delimiter === 'spaceOrTagEnd' ? text.search(/[ \t\n\f\r>]/) : text.indexOf(context.delimiter)
  const end = found < 0 ? text.length : found
  if (context.delimiter === 'spaceOrTagEnd') {
    const bad = /["'<=`]/.exec(text.slice(0, end))
    if (bad !== null) throw new CallError(`${JSON.stringify(bad[0])} in unquoted attr: ${JSON.stringify(text.slice(0, end))}`)
  }
  if (end === text.length) {
    let rest = decodeEntities(text)
    let current = context
    while (rest !== '') {
      const step = transition(current, rest)
      current = step.context
      rest = rest.slice(step.length)
    }
    return { context: current, length: text.length }
  }
  const value = text.slice(0, end).trim().toLowerCase()
  const isScript = /^(module|(application|text)\/(x-)?(java|ecma|live|j)script[\d.]*|application\/(ld\+)?json|)(;|$)/.test(value)
  const element = context.attribute === 'scriptType' && !isScript ? 'none' : context.element
  return { context: { ...startContext, state: 'tag', element }, length: context.delimiter === 'spaceOrTagEnd' ? end : end + 1 }
}

function transition(context: HtmlContext, text: string): Step {
  const all = text.length
  switch (context.state) {
    case 'text':
      return afterText(context, text)
    case 'tag':
      return afterTag(context, text)
    case 'attributeName': {
      const length = attributeNameLength(text)
      return { context: length < all ? { ...context, state: 'afterName' } : context, length }
    }
    case 'afterName': {
      const space = leadingSpace(text)
      if (space === all) return { context, length: all }
      if (text[space] !== '=') return { context: { ...context, state: 'tag' }, length: space }
      return { context: { ...context, state: 'beforeValue' }, length: space + 1 }
    }
    case 'beforeValue': {
      const space = leadingSpace(text)
      if (space === all) return { context, length: all }
      const mark = text[space]
      const quoted = mark === '"' || mark === "'"
      return {
        context: { ...context, state: attributeStates[context.attribute], delimiter: quoted ? mark : 'spaceOrTagEnd' },
        length: quoted ? space + 1 : space,
      }
    }
    case 'comment': {
      const end = text.indexOf('-->')
      return end < 0 ? { context, length: all } : { context: startContext, length: end + 3 }
    }
    case 'rawText':
    case 'attribute':
    case 'sourceSet':
      return { context, length: all }
    case 'url':
      return { context: afterUrlText(context, text), length: all }
    case 'js':
    case 'jsDoubleQuoted':
    case 'jsSingleQuoted':
    case 'jsTemplateLiteral':
    case 'jsRegexp':
    case 'jsBlockComment':
    case 'jsLineComment':
      return afterJs(context, text)
    case 'css':
    case 'cssDoubleQuoted':
    case 'cssSingleQuoted':
    case 'cssDoubleQuotedUrl':
    case 'cssSingleQuotedUrl':
    case 'cssUrl':
    case 'cssBlockComment':
    case 'cssLineComment':
      return afterCss(context, text)
  }
}

function leadingSpace(text: string): number {
  return /^[ \t\n\f\r]*/.exec(text)?.[0].length ?? 0
}

function afterText(context: HtmlContext, text: string): Step {
  const found = /<!--|<(\/?)([a-zA-Z][a-zA-Z0-9]*(?:[:-][a-zA-Z0-9]+)*)/.exec(text)
  if (found === null) return { context, length: text.length }
  const length = found.index + found[0].length
  if (found[0] === '<!--') return { context: { ...startContext, state: 'comment' }, length }
  const name = (found[2] ?? '').toLowerCase()
  const special = name === 'script' || name === 'style' || name === 'textarea' || name === 'title'
  return { context: { ...startContext, state: 'tag', element: special && found[1] === '' ? name : 'none' }, length }
}

const contentStates: Readonly<Record<Element, HtmlState>> = { none: 'text', script: 'js', style: 'css', textarea: 'rawText', title: 'rawText' }

function afterTag(context: HtmlContext, text: string): Step {
  const space = leadingSpace(text)
  if (space === text.length) return { context, length: text.length }
  if (text[space] === '>') return { context: { ...startContext, state: contentStates[context.element], element: context.element }, length: space + 1 }
  const nameLength = attributeNameLength(text.slice(space))
  if (nameLength === 0) throw new CallError(`expected space, attr name, or end of tag, but got ${JSON.stringify(text.slice(space))}`)
  const name = text.slice(space, space + nameLength).toLowerCase()
  const attribute = context.element === 'script' && name === 'type' ? 'scriptType' : attributeKind(name)
  const length = space + nameLength
  return { context: { ...startContext, state: length === text.length ? 'attributeName' : 'afterName', element: context.element, attribute }, length }
}

function attributeNameLength(text: string): number {
  const name = /^[^ \t\n\f\r=>]*/.exec(text)?.[0] ?? ''
  const bad = /['"<]/.exec(name)
  if (bad !== null) throw new CallError(`${JSON.stringify(bad[0])} in attribute name: ${JSON.stringify(name)}`)
  return name.length
}

function afterUrlText(context: HtmlContext, text: string): HtmlContext {
  if (/[#?]/.test(text)) return { ...context, urlPart: 'queryOrFragment' }
  return context.urlPart === 'none' && text.trim() !== '' ? { ...context, urlPart: 'beforeQuery' } : context
}

const jsEnds: Readonly<Partial<Record<HtmlState, RegExp>>> = {
  jsDoubleQuoted: /^(?:[^\\"]|\\[\s\S])*/,
  jsSingleQuoted: /^(?:[^\\']|\\[\s\S])*/,
  jsTemplateLiteral: /^(?:[^\\`]|\\[\s\S])*/,
  jsRegexp: /^(?:[^\\/[]|\\[\s\S]|\[(?:[^\\\]]|\\[\s\S])*\])*/,
}

function afterJs(context: HtmlContext, text: string): Step {
  const all = text.length
  if (context.state === 'jsBlockComment') {
    const end = text.indexOf('*/')
    return end < 0 ? { context, length: all } : { context: { ...context, state: 'js' }, length: end + 2 }
  }
  if (context.state === 'jsLineComment') {
    const end = text.search(/[\n\r\u2028\u2029]/)
    return end < 0 ? { context, length: all } : { context: { ...context, state: 'js' }, length: end }
  }
  const inside = jsEnds[context.state]
  if (inside !== undefined) {
    const length = inside.exec(text)?.[0].length ?? 0
    if (length === all) return { context, length: all }
    return { context: { ...context, state: 'js', regexpAllowed: false }, length: length + 1 }
  }
  const found = /["'`/]/.exec(text)
  if (found === null) return { context: { ...context, regexpAllowed: regexpMayFollow(text, context.regexpAllowed) }, length: all }
  const regexpAllowed = regexpMayFollow(text.slice(0, found.index), context.regexpAllowed)
  const next = text[found.index + 1]
  const length = found.index + 1
  switch (found[0]) {
    case '"':
      return { context: { ...context, state: 'jsDoubleQuoted', regexpAllowed: true }, length }
    case "'":
      return { context: { ...context, state: 'jsSingleQuoted', regexpAllowed: true }, length }
    case '`':
      return { context: { ...context, state: 'jsTemplateLiteral', regexpAllowed: true }, length }
  }
  if (next === '/' || next === '*') return { context: { ...context, state: next === '/' ? 'jsLineComment' : 'jsBlockComment', regexpAllowed }, length: length + 1 }
  if (regexpAllowed) return { context: { ...context, state: 'jsRegexp' }, length }
  return { context: { ...context, regexpAllowed: true }, length }
}

const regexpKeywords = /(?:^|[^\w$])(?:break|case|continue|delete|do|else|finally|in|instanceof|return|throw|try|typeof|void)$/

/** Whether a slash after this piece of JavaScript begins a regular expression and does not divide. */
function regexpMayFollow(text: string, before: boolean): boolean {
  const trimmed = text.replace(/[\s\u2028\u2029]+$/, '')
  const last = trimmed.at(-1)
  if (last === undefined) return before
  if (last === '+' || last === '-') return (/[+-]*$/.exec(trimmed)?.[0] ?? '').replace(/[^+-]/g, '').length % 2 === 1
  if (last === '.') return !/\d\.$/.test(trimmed)
  if (/[,<>=*%&|^?!~([:;{}]/.test(last)) return true
  return regexpKeywords.test(trimmed)
}

const cssEnds: Readonly<Partial<Record<HtmlState, RegExp>>> = {
  cssDoubleQuoted: /^(?:[^\\"]|\\[\s\S])*/,
  cssDoubleQuotedUrl: /^(?:[^\\"]|\\[\s\S])*/,
  cssSingleQuoted: /^(?:[^\\']|\\[\s\S])*/,
  cssSingleQuotedUrl: /^(?:[^\\']|\\[\s\S])*/,
  cssUrl: /^(?:[^\\)\s]|\\[\s\S])*/,
}

function afterCss(context: HtmlContext, text: string): Step {
  const all = text.length
  if (context.state === 'cssBlockComment') {
    const end = text.indexOf('*/')
    return end < 0 ? { context, length: all } : { context: { ...context, state: 'css' }, length: end + 2 }
  }
  if (context.state === 'cssLineComment') {
    const end = text.search(/[\n\f\r]/)
    return end < 0 ? { context, length: all } : { context: { ...context, state: 'css' }, length: end }
  }
  const inside = cssEnds[context.state]
  if (inside !== undefined) {
    const length = inside.exec(text)?.[0].length ?? 0
    if (length === all) return { context: afterUrlText(context, text), length: all }
    return { context: { ...context, state: 'css', urlPart: 'none' }, length: length + 1 }
  }
  const found = /[("'/]/.exec(text)
  if (found === null) return { context, length: all }
  const length = found.index + 1
  switch (found[0]) {
    case '"':
      return { context: { ...context, state: 'cssDoubleQuoted' }, length }
    case "'":
      return { context: { ...context, state: 'cssSingleQuoted' }, length }
    case '/': {
      const next = text[length]
      if (next !== '/' && next !== '*') return { context, length }
      return { context: { ...context, state: next === '/' ? 'cssLineComment' : 'cssBlockComment' }, length: length + 1 }
    }
  }
  if (!/(?:^|[^\w-])url\s*\($/i.test(text.slice(0, length))) return { context, length }
  const [, mark = ''] = /^\s*(["']?)/.exec(text.slice(length)) ?? []
  const state = mark === '"' ? 'cssDoubleQuotedUrl' : mark === "'" ? 'cssSingleQuotedUrl' : 'cssUrl'
  return { context: { ...context, state }, length: length + leadingSpace(text.slice(length)) + mark.length }
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** The entities that matter for where a value stands. */
function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d+)|#[xX]([0-9a-fA-F]+)|(amp|lt|gt|quot|apos));/g, (whole, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return entities[name] ?? whole
    const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal)
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}
