// Where in a query a message of the server points. Messages count lines and columns from 1, columns in bytes of UTF-8.

export type Position = {
  /** In the query, in characters; a range of at least one. */
  readonly from: number
  readonly to: number
  /** The part of the message that names it. */
  readonly text: string
  /** Where that is in the message. */
  readonly at: number
}

/** `3:14: parse error: ...` and `... (3:14)`. */
const placePattern = /\b(\d+):(\d+)(?=: parse error)|(?<=\()(\d+):(\d+)(?=\)$)/gm

export function positionsIn(message: string, query: string): Position[] {
  return [...message.matchAll(placePattern)].flatMap((match) => {
    const offset = offsetOf(query, Number(match[1] ?? match[3]), Number(match[2] ?? match[4]))
    return offset === undefined ? [] : [{ ...tokenAt(query, offset), text: match[0], at: match.index }]
  })
}

function offsetOf(query: string, line: number, column: number): number | undefined {
  const lines = query.split('\n')
  const own = lines[line - 1]
  if (own === undefined) return undefined
  const before = new TextDecoder().decode(new TextEncoder().encode(own).slice(0, column - 1))
  return lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0) + before.length
}

const token = /[\p{L}\p{N}_:.]+|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\S/uy

/** The word, string or sign that begins there; at the end of the query its last one. */
function tokenAt(query: string, offset: number): { readonly from: number; readonly to: number } {
  token.lastIndex = offset
  const found = token.exec(query)
  if (found !== null) return { from: offset, to: offset + found[0].length }
  const length = query.slice(0, offset).trimEnd().length || query.length
  return { from: Math.max(0, length - 1), to: Math.max(1, length) }
}
