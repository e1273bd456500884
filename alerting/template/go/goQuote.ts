// Go string literals: strconv.Quote, QuoteRune and Unquote. Template source, %q and error texts use them.

const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u

/** Whether Go prints the character as it is (`unicode.IsPrint`). */
export function isPrintable(character: string): boolean {
  return printable.test(character)
}

const shortEscapes: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
}

/** `strconv.Quote`, or `strconv.QuoteToASCII` when `ascii`. */
export function quote(text: string, ascii = false): string {
  return quoteWith(text, '"', ascii)
}

/** `strconv.QuoteRune` of a code point. */
export function quoteRune(codePoint: bigint, ascii = false): string {
  const valid = codePoint >= 0n && codePoint <= 0x10ffffn && !(codePoint >= 0xd800n && codePoint <= 0xdfffn)
  return quoteWith(valid ? String.fromCodePoint(Number(codePoint)) : '\ufffd', "'", ascii)
}

function quoteWith(text: string, mark: string, ascii: boolean): string {
  let out = mark
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    if (character === mark || character === '\\') out += `\\${character}`
    else if ((ascii ? code < 0x80 : true) && isPrintable(character)) out += character
    else if (shortEscapes[character] !== undefined) out += shortEscapes[character]
    else if (code < 0x20 || code === 0x7f) out += `\\x${code.toString(16).padStart(2, '0')}`
    else if (code >= 0xd800 && code <= 0xdfff) out += ascii ? '\\ufffd' : '\ufffd'
    else if (code < 0x10000) out += `\\u${code.toString(16).padStart(4, '0')}`
    else out += `\\U${code.toString(16).padStart(8, '0')}`
  }
  return out + mark
}

const plainEscapes: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11, '\\': 92, "'": 39, '"': 34 }

/** Reads a Go string literal, quoted or raw; `undefined` when it is none. Byte escapes are read as UTF-8. */
export function unquote(literal: string): string | undefined {
  const mark = literal[0]
  if (literal.length < 2 || mark !== literal.at(-1)) return undefined
  const inner = literal.slice(1, -1)
  if (mark === '`') return inner.includes('`') ? undefined : inner.replaceAll('\r', '')
  if (mark !== '"' && mark !== "'") return undefined
  const bytes: Buffer[] = []
  let rest = inner
  let characters = 0
  while (rest !== '') {
    const unit = readUnit(rest, mark)
    if (unit === undefined) return undefined
    bytes.push(unit.bytes)
    rest = rest.slice(unit.length)
    characters++
  }
  if (mark === "'" && characters !== 1) return undefined
  return Buffer.concat(bytes).toString('utf8')
}

/** Reads one character or escape at the start of `text`. */
function readUnit(text: string, mark: string): { readonly bytes: Buffer; readonly length: number } | undefined {
  const first = String.fromCodePoint(text.codePointAt(0) ?? 0)
  if (first === mark || first === '\n') return undefined
  if (first !== '\\') return { bytes: Buffer.from(first), length: first.length }
  const letter = text[1] ?? ''
  const plain = plainEscapes[letter]
  if (plain !== undefined) {
    if ((letter === "'" || letter === '"') && letter !== mark) return undefined
    return { bytes: Buffer.of(plain), length: 2 }
  }
  const octal = /^\\([0-7]{3})/.exec(text)?.[1]
  if (octal !== undefined) {
    const value = Number.parseInt(octal, 8)
    return value > 255 ? undefined : { bytes: Buffer.of(value), length: 4 }
  }
  const hex = /^\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/.exec(text)
  if (hex === null) return undefined
  if (hex[1] !== undefined) return { bytes: Buffer.of(Number.parseInt(hex[1], 16)), length: 4 }
  const code = Number.parseInt(hex[2] ?? hex[3] ?? '', 16)
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined
  return { bytes: Buffer.from(String.fromCodePoint(code)), length: hex[0].length }
}
