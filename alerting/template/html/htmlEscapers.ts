// How a value is made harmless in each place of an HTML page, as Go's html/template does it: tables of characters, and
// filters that replace what cannot be made safe by a marker people can search for.

import { formatLayout } from '../go/goLayout.ts'
import { printJson, toJsonValue } from '../go/json.ts'
import { printed } from '../language/output.ts'
import { safeHtmlType, safeUrlType } from './safeContent.ts'
import { CallError, Defined, GoTime, type Value } from '../go/value.ts'
import { attributeKind } from './htmlContext.ts'

/** What stands for a value that cannot be made safe. */
const filtered = 'ZgotmplZ'

export type Content = { readonly text: string; readonly kind: 'plain' | 'html' | 'url' }

/** The text of a value and what it was marked as. Nil prints nothing in HTML. */
export function contentOf(value: Value): Content {
  if (value === null) return { text: '', kind: 'plain' }
  if (value instanceof Defined && value.type === safeHtmlType) return { text: String(value.value), kind: 'html' }
  if (value instanceof Defined && value.type === safeUrlType) return { text: String(value.value), kind: 'url' }
  return { text: printed(value), kind: 'plain' }
}

function replaceBy(table: Readonly<Record<string, string>>): (text: string) => string {
  const characters = Object.keys(table).map((character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
  const pattern = new RegExp(`[${characters.join('')}]`, 'g')
  return (text) => text.replace(pattern, (character) => table[character] ?? character)
}

const markup = { '"': '&#34;', "'": '&#39;', '+': '&#43;', '<': '&lt;', '>': '&gt;' }
const nul = { '\0': '\ufffd' }
const spaces = {
  '\0': '&#xfffd;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\v': '&#11;',
  '\f': '&#12;',
  '\r': '&#13;',
  ' ': '&#32;',
  '=': '&#61;',
  '`': '&#96;',
}

const escapeMarkup = replaceBy({ ...nul, '&': '&amp;', ...markup })
/** For text that is HTML already: its entities stay. */
const normalizeMarkup = replaceBy({ ...nul, ...markup })
const escapeUnquoted = replaceBy({ ...spaces, '&': '&amp;', ...markup })
const normalizeUnquoted = replaceBy({ ...spaces, ...markup })

function stripTags(html: string): string {
  return html.replace(/<!--[\s\S]*?(?:-->|$)/g, '').replace(/<\/?[a-zA-Z](?:"[^"]*"|'[^']*'|[^>"'])*>/g, '')
}

/** Between tags; what is declared to be HTML stays as it is. */
export function escapeText(content: Content): string {
  return content.kind === 'html' ? content.text : escapeMarkup(content.text)
}

/** Inside `<title>` and `<textarea>`, where tags mean nothing. */
export function escapeRawText(content: Content): string {
  return content.kind === 'html' ? normalizeMarkup(content.text) : escapeMarkup(content.text)
}

/** Inside a quoted attribute. */
export function escapeAttribute(content: Content): string {
  return content.kind === 'html' ? normalizeMarkup(stripTags(content.text)) : escapeMarkup(content.text)
}

/** Inside an attribute without quotes. */
export function escapeUnquotedAttribute(content: Content): string {
  if (content.text === '') return filtered
  return content.kind === 'html' ? normalizeUnquoted(stripTags(content.text)) : escapeUnquoted(content.text)
}

/** A value as the name of an attribute. */
export function filterAttributeName(content: Content): string {
  const name = content.text.toLowerCase()
  return /^[a-z0-9]+$/.test(name) && attributeKind(name) === 'plain' ? name : filtered
}

/** Lets relative URLs and those of harmless schemes through. */
export function filterUrl(content: Content): Content {
  if (content.kind === 'url') return content
  const scheme = /^([^:/]*):/.exec(content.text)?.[1]?.toLowerCase()
  const safe = scheme === undefined || ['http', 'https', 'mailto'].includes(scheme)
  return safe ? content : { text: `#${filtered}`, kind: 'plain' }
}

/** `keepStructure`: reserved characters and existing escapes stay, for the part of a URL before its query. */
export function escapeUrl(content: Content, keepStructure: boolean): string {
  const keep = keepStructure || content.kind === 'url'
  const allowed = keep ? /[A-Za-z0-9\-._~!#$&*+,/:;=?@[\]]/ : /[A-Za-z0-9\-._~]/
  const { text } = content
  let out = ''
  for (let i = 0; i < text.length; ) {
    const character = String.fromCodePoint(text.codePointAt(i) ?? 0)
    const isEscape = keep && character === '%' && /^%[0-9a-fA-F]{2}/.test(text.slice(i, i + 3))
    if (allowed.test(character) || isEscape) out += character
    else for (const byte of Buffer.from(character)) out += `%${byte.toString(16).padStart(2, '0')}`
    i += character.length
  }
  return out
}

/** A `srcset`: URLs with widths, separated by commas. */
export function escapeSourceSet(content: Content): string {
  if (content.kind === 'url') return escapeUrl(content, true).replaceAll(',', '%2c')
  return content.text
    .split(',')
    .map((candidate) => {
      const [, before = '', url = '', after = ''] = /^(\s*)(\S*)(.*)$/s.exec(candidate) ?? []
      const ok = filterUrl({ text: url, kind: 'plain' }).text === url && /^\s*[A-Za-z0-9.]*\s*$/.test(after)
      return ok ? before + escapeUrl({ text: url, kind: 'plain' }, true) + after : `#${filtered}`
    })
    .join(',')
}

/** A value as a JavaScript expression. */
export function escapeJsValue(value: Value): string {
  let json: string
  try {
    const shown = value instanceof Defined && value.type.toText !== undefined ? value.type.toText(value) : value
    json = printJson(shown instanceof GoTime ? formatLayout(shown, '2006-01-02T15:04:05.999999999Z07:00') : toJsonValue(shown))
  } catch (error) {
    if (!(error instanceof CallError)) throw error
    return ` /* ${error.message.replaceAll('*/', '* /').replaceAll('</', '<\\/')} */null `
  }
  return /^[\w$]|[\w$]$/.test(json) ? ` ${json} ` : json
}

const jsString = {
  '\0': '\\u0000',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\u000b',
  '\f': '\\f',
  '\r': '\\r',
  '"': '\\u0022',
  '`': '\\u0060',
  '&': '\\u0026',
  "'": '\\u0027',
  '+': '\\u002b',
  '/': '\\/',
  '<': '\\u003c',
  '>': '\\u003e',
  '\\': '\\\\',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
}

export const escapeJsString = replaceBy(jsString)
export const escapeJsTemplateLiteral = replaceBy({ ...jsString, $: '\\u0024', '{': '\\u007b', '}': '\\u007d' })
const escapeRegexpCharacters = replaceBy({ ...jsString, ...Object.fromEntries([...'$()*-.?[]^{|}'].map((character) => [character, `\\${character}`])) })

/** A value inside a regular expression of a script; never the empty one, which would be a comment. */
export function escapeJsRegexp(text: string): string {
  return text === '' ? '(?:)' : escapeRegexpCharacters(text)
}

/** A value inside a CSS string. */
export function escapeCssString(text: string): string {
  return text.replace(/[\0\t\n\f\r"&'()+/:;<>\\{}]/g, (character, position: number) => {
    if (character === '\\') return '\\\\'
    const next = text[position + 1]
    return `\\${character.charCodeAt(0).toString(16)}${next === undefined || /[0-9a-fA-F \t\n\f\r]/.test(next) ? ' ' : ''}`
  })
}

/** Lets harmless CSS values through: words, numbers, lengths, colours. */
export function filterCssValue(text: string): string {
  const decoded = text.replace(/\\([0-9a-fA-F]{1,6})\s?/g, (_, hex: string) => String.fromCodePoint(Math.min(Number.parseInt(hex, 16), 0x10ffff)))
  if (/[\0"'()/;@[\\\]`{}<>]|--/.test(decoded)) return filtered
  const name = decoded.replace(/[^A-Za-z0-9_-]/g, '').replaceAll('-', '').toLowerCase()
  return name.includes('expression') || name.includes('mozbinding') ? filtered : decoded
}
