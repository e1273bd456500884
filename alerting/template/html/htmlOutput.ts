// HTML output: follows the page through the template's literal text and escapes each value for the place where it stands,
// as Go's html/template. Go works the places out before it runs; here they are followed while it runs, with the same result.

import type { Value } from '../go/value.ts'
import { OutputLimit, type Output } from '../language/output.ts'
import { advance, contextForValue, isComment, startContext, type HtmlContext } from './htmlContext.ts'
import {
  contentOf,
  escapeAttribute,
  escapeCssString,
  escapeJsRegexp,
  escapeJsString,
  escapeJsTemplateLiteral,
  escapeJsValue,
  escapeRawText,
  escapeSourceSet,
  escapeText,
  escapeUnquotedAttribute,
  escapeUrl,
  filterAttributeName,
  filterCssValue,
  filterUrl,
  type Content,
} from './htmlEscapers.ts'

export class HtmlOutput implements Output {
  readonly #parts: string[] = []
  readonly #limit = new OutputLimit()
  #context: HtmlContext = startContext

  /** Literal text: comments are left out, and a `<` that begins no tag is escaped. */
  text(text: string): void {
    let rest = text
    while (rest !== '') {
      const before = this.#context
      const { context, length } = advance(before, rest)
      this.#context = context
      this.#write(literal(before, context, rest.slice(0, length)))
      rest = rest.slice(length)
    }
  }

  value(value: Value, lastFunction: string | undefined): void {
    const context = contextForValue(this.#context)
    // A slash after a value in a script divides.
    this.#context = context.state === 'js' ? { ...context, regexpAllowed: false } : context
    if (isComment(context)) return
    this.#write(escapeValue(context, value, lastFunction))
  }

  result(): string {
    return this.#parts.join('')
  }

  #write(text: string): void {
    this.#limit.add(text.length)
    this.#parts.push(text)
  }
}

/** A piece of literal text that leads from one context to another. */
function literal(before: HtmlContext, after: HtmlContext, text: string): string {
  if (isComment(before) && before.delimiter === 'none') {
    if (before.state === 'jsBlockComment') return /[\n\r\u2028\u2029]/.test(text) ? '\n' : ' '
    return before.state === 'cssBlockComment' ? ' ' : ''
  }
  const commentBegins = isComment(after) && after.delimiter === 'none'
  const kept = commentBegins ? text.slice(0, after.state === 'comment' ? -4 : -2) : text
  if (before.state !== 'text' && before.state !== 'rawText') return kept
  const tagStart = before.state !== after.state && !commentBegins ? kept.lastIndexOf('<') : kept.length
  return kept.slice(0, tagStart).replace(/<(?!!doctype)/gi, '&lt;') + kept.slice(tagStart)
}

/** `lastFunction`: `html` and `urlquery` at the end of a pipeline have done their part of the escaping already. */
function escapeValue(context: HtmlContext, value: Value, lastFunction: string | undefined): string {
  const inner = escapeForState(context, value, lastFunction)
  if (context.delimiter === 'none') return inner.text
  if (lastFunction === 'html') return inner.text
  return context.delimiter === 'spaceOrTagEnd' ? escapeUnquotedAttribute(inner) : escapeAttribute(inner)
}

function escapeForState(context: HtmlContext, value: Value, lastFunction: string | undefined): Content {
  const content = contentOf(value)
  const plain = (text: string): Content => ({ text, kind: 'plain' })
  switch (context.state) {
    case 'text':
      return lastFunction === 'html' ? content : plain(escapeText(content))
    case 'rawText':
      return lastFunction === 'html' ? content : plain(escapeRawText(content))
    case 'attribute':
      return content
    case 'attributeName':
      return plain(filterAttributeName(content))
    case 'url':
    case 'cssUrl':
    case 'cssDoubleQuotedUrl':
    case 'cssSingleQuotedUrl':
      if (context.urlPart === 'queryOrFragment') return lastFunction === 'urlquery' ? content : plain(escapeUrl(content, false))
      return plain(escapeUrl(context.urlPart === 'none' ? filterUrl(content) : content, true))
    case 'cssDoubleQuoted':
    case 'cssSingleQuoted':
      if (context.urlPart === 'queryOrFragment') return plain(escapeUrl(content, false))
      return plain(escapeCssString((context.urlPart === 'none' ? filterUrl(content) : content).text))
    case 'sourceSet':
      return plain(escapeSourceSet(content))
    case 'js':
      return plain(escapeJsValue(value))
    case 'jsDoubleQuoted':
    case 'jsSingleQuoted':
      return plain(escapeJsString(content.text))
    case 'jsTemplateLiteral':
      return plain(escapeJsTemplateLiteral(content.text))
    case 'jsRegexp':
      return plain(escapeJsRegexp(content.text))
    case 'css':
      return plain(filterCssValue(content.text))
    default:
      return plain('')
  }
}
