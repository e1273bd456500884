// Number, character and complex constants of a template, with the several types each can stand for.

import { parseFloatText, parseIntText } from '../go/goNumber.ts'
import { quote, unquote } from '../go/goQuote.ts'
import { Complex } from '../go/value.ts'
import type { Token } from './lexer.ts'
import type { NumberNode } from './nodes.ts'

/** The node of a number, character or complex constant; a text is what is wrong with it. */
export function readNumber(token: Token): NumberNode | string {
  const { position, text } = token
  const node = { kind: 'number', position, text, overflows: false } as const
  if (token.kind === 'charConstant') {
    const value = unquote(text)
    if (value === undefined) {
      const several = unquote(`"${text.slice(1, -1).replaceAll('"', '\\"')}"`)
      return several === undefined || several === '' ? 'invalid syntax' : `malformed character constant: ${text}`
    }
    const code = BigInt(value.codePointAt(0) ?? 0)
    return { ...node, value: code, int: code, float: Number(code) }
  }
  if (token.kind === 'complex' || text.endsWith('i')) {
    const parts = readComplex(text)
    if (parts === undefined) return `illegal number syntax: ${quote(text)}`
    return { ...node, value: parts, int: undefined, float: undefined }
  }
  const int = parseIntText(text)
  if (int.kind === 'int') return { ...node, value: int.value, int: int.value, float: Number(int.value) }
  const float = parseFloatText(text, true)
  if (float === undefined) return `illegal number syntax: ${quote(text)}`
  const fitsUint64 = int.kind === 'overflow' && !text.startsWith('-') && BigInt(text.replace(/^\+|_/g, '')) < 1n << 64n
  if (!/[.eEpP]/.test(text) && !fitsUint64) return `integer overflow: ${quote(text)}`
  const whole = Number.isInteger(float) && Math.abs(float) < 2 ** 63 ? BigInt(float) : undefined
  return { ...node, value: float, int: whole, float, overflows: fitsUint64 }
}

const realPart = String.raw`[+-]?(?:0[xX][0-9a-fA-F_.]+(?:[pP][+-]?\d+)?|[0-9_.]+(?:[eE][+-]?\d+)?)`
const complexPattern = new RegExp(`^(${realPart})?(${realPart})i$`)

/** `2i` or `1+2i`. */
function readComplex(text: string): Complex | undefined {
  const match = complexPattern.exec(text)
  const real = match?.[1] === undefined ? 0 : parseFloatText(match[1], true)
  const imaginary = match?.[2] === undefined ? undefined : parseFloatText(match[2], true)
  return real === undefined || imaginary === undefined ? undefined : new Complex(real, imaginary)
}
