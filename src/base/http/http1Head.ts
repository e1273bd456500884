// Reads the heads of answers: status line and headers. A server sends nearly the same head each time; what differs only in
// the date and the length of the body is not taken apart again.

export type Http1Head = {
  readonly status: number
  /** `404 Not Found`, or the number alone. */
  readonly statusLine: string
  /**
   * Names in lower case; repeated headers are joined with `, `. The same object as long as only `date` and
   * `content-length` change, which are then those of an earlier answer.
   */
  readonly headers: Readonly<Record<string, string>>
  readonly keepsAlive: boolean
  /** The body comes in chunks, whatever `bodyBytes` is. */
  readonly isChunked: boolean
  readonly bodyBytes: number | undefined
  /** The body is compressed. */
  readonly isPacked: boolean
}

type Span = { readonly from: number; readonly to: number }

/** A head that was read, as text in pieces: those that must be there again, and where the length of the body is. */
type Known = { readonly length: number; readonly pieces: readonly { readonly at: number; readonly text: string }[]; readonly bodyBytes: Span | undefined; readonly head: Http1Head }

const lf = 0x0a
const cr = 0x0d

export class HeadReader {
  #known: Known | undefined
  /** Where in its bytes the last head ended. */
  endsAt = 0

  /** The head at the beginning of `bytes`, `undefined` when its end has not come. Throws when it is malformed. */
  read(bytes: Buffer): Http1Head | undefined {
    const known = this.#known
    if (known !== undefined && bytes.length >= known.length) {
      const head = readAgain(bytes.toString('latin1', 0, known.length), known)
      this.endsAt = known.length
      if (head !== undefined) return head
    }
    const end = headEnd(bytes)
    if (end < 0) {
      // Whoever speaks first, or another language, does not get the whole timeout.
      if (!bytes.toString('latin1', 0, beginning.length).startsWith(beginning.slice(0, bytes.length))) throw malformed(bytes.toString('latin1', 0, 256).split(/\r?\n/, 1)[0] ?? '')
      return undefined
    }
    this.endsAt = end
    return this.#readNew(bytes.toString('latin1', 0, end))
  }

  #readNew(text: string): Http1Head {
    const lines = linesOf(text)
    const first = lines[0]?.text ?? ''
    const match = /^HTTP\/1\.([01]) (\d{3})(?: (.*))?$/.exec(first)
    if (match === null) throw malformed(first)
    const headers: Record<string, string> = {}
    const varying: Span[] = []
    let lengthAt: Span | undefined
    let last: string | undefined
    for (const line of lines.slice(1)) {
      if (/^[ \t]/.test(line.text) && last !== undefined) {
        headers[last] += ` ${line.text.trim()}` // A header's value goes on.
        continue
      }
      const colon = line.text.indexOf(':')
      if (colon <= 0) throw new Error(`malformed MIME header line: ${line.text}`)
      const name = line.text.slice(0, colon).toLowerCase()
      last = name
      const value = line.text.slice(colon + 1).trim()
      const known = headers[name]
      headers[name] = known === undefined ? value : `${known}, ${value}`
      const from = line.at + line.text.indexOf(value, colon + 1)
      if (name === 'date' || name === 'content-length') varying.push({ from, to: from + value.length })
      if (name === 'content-length') lengthAt = { from, to: from + value.length }
    }
    const status = Number(match[2])
    const reason = match[3]?.trim() ?? ''
    const head = { status, statusLine: reason === '' ? String(status) : `${status} ${reason}`, headers, ...framing(match[1] === '1', headers) }
    const isLengthRepeated = headers['content-length']?.includes(',') === true
    this.#known = isLengthRepeated ? undefined : { length: text.length, pieces: piecesBetween(text, varying), bodyBytes: lengthAt, head }
    return head
  }
}

const beginning = 'HTTP/1.'

function malformed(line: string): Error {
  return new Error(`malformed HTTP response ${JSON.stringify(line)}`)
}

/** `text` is of the length of what is known. */
function readAgain(text: string, { pieces, bodyBytes, head }: Known): Http1Head | undefined {
  for (const piece of pieces) if (!text.startsWith(piece.text, piece.at)) return undefined
  if (bodyBytes === undefined) return head
  let bytes = 0
  for (let at = bodyBytes.from; at < bodyBytes.to; at++) {
    const digit = text.charCodeAt(at) - 0x30
    if (digit < 0 || digit > 9) return undefined
    bytes = bytes * 10 + digit
  }
  return bytes === head.bodyBytes ? head : { ...head, bodyBytes: bytes }
}

function framing(isHttp11: boolean, headers: Readonly<Record<string, string>>): Pick<Http1Head, 'keepsAlive' | 'isChunked' | 'bodyBytes' | 'isPacked'> {
  const connection = headers['connection']?.toLowerCase() ?? ''
  const encoding = headers['transfer-encoding']?.toLowerCase()
  // One that is said twice is meant once.
  const length = headers['content-length']?.replace(/^(\d+)(?:, \1)+$/, '$1')
  if (encoding !== undefined && encoding !== 'chunked') throw new Error(`unsupported transfer encoding: ${JSON.stringify(headers['transfer-encoding'])}`)
  if (encoding === undefined && length !== undefined && !/^\d{1,15}$/.test(length)) throw new Error(`bad Content-Length ${JSON.stringify(length)}`)
  return {
    keepsAlive: isHttp11 ? !connection.includes('close') : connection.includes('keep-alive'),
    isChunked: encoding !== undefined,
    bodyBytes: length === undefined ? undefined : Number(length),
    isPacked: headers['content-encoding'] !== undefined,
  }
}

/** Where the empty line ends that ends a head; -1 when it is not there. */
function headEnd(bytes: Buffer): number {
  for (let at = bytes.indexOf(lf); at >= 0; at = bytes.indexOf(lf, at + 1)) {
    if (bytes[at + 1] === lf) return at + 2
    if (bytes[at + 1] === cr && bytes[at + 2] === lf) return at + 3
  }
  return -1
}

/** The lines before the empty one, without their ends, and where they begin. */
function linesOf(text: string): { readonly at: number; readonly text: string }[] {
  const lines: { at: number; text: string }[] = []
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n', at)
    const line = text.slice(at, text.charCodeAt(end - 1) === cr ? end - 1 : end)
    if (line === '') break
    lines.push({ at, text: line })
    at = end + 1
  }
  return lines
}

function piecesBetween(text: string, spans: readonly Span[]): { readonly at: number; readonly text: string }[] {
  const starts = [0, ...spans.map((span) => span.to)]
  const ends = [...spans.map((span) => span.from), text.length]
  return starts.map((at, i) => ({ at, text: text.slice(at, ends[i]) }))
}
