import { describe, expect, it } from 'vitest'
import { Http1Parser } from './http1Parser.ts'

/** Feeds `text` in pieces of `size` bytes, each in a buffer that is overwritten before the next. */
function read(text: string, size = text.length, maxBytes = 1e6) {
  const parser = new Http1Parser()
  parser.begin(maxBytes)
  const buffer = Buffer.alloc(size + 8)
  for (let at = 0; at < text.length; at += size) {
    const length = buffer.write(text.slice(at, at + size), 'latin1')
    const answer = parser.read(buffer, length)
    if (answer !== undefined) return { ...answer, body: answer.body.toString('latin1'), keeps: parser.canKeepConnection }
    buffer.fill('\n')
  }
  const answer = parser.end()
  return answer && { ...answer, body: answer.body.toString('latin1'), keeps: parser.canKeepConnection }
}

describe('Http1Parser', () => {
  const answers = (claim: string, text: string, expected: Record<string, unknown>) =>
    it(`${claim}, in pieces of any size`, () => {
      for (const size of [1, 2, 3, 7, 50, text.length]) expect(read(text, size), `pieces of ${size}`).toMatchObject(expected)
    })
  answers('reads a body by length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\nx-a:  c \r\n\r\nhello',
    { status: 200, statusLine: '200 OK', body: 'hello', keeps: true, headers: { 'content-length': '5', 'x-a': 'b, c' } })
  answers('reads an empty body', 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n', { statusLine: '404 Not Found', body: '', keeps: true })
  answers('reads no body of a 204', 'HTTP/1.1 204 No Content\r\n\r\n', { status: 204, body: '' })
  answers('reads chunks with extensions and trailers', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nwiki\r\nA\r\npedia\r\n\r\nx\r\n0\r\nTrailer: 1\r\n\r\n',
    { body: 'wikipedia\r\n\r\nx', keeps: true })
  answers('reads up to the end of the connection', 'HTTP/1.0 200\r\n\r\nall of it', { status: 200, statusLine: '200', body: 'all of it', keeps: false })
  answers('takes bare line feeds', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok', { body: 'ok' })
  answers('joins the lines of a header', 'HTTP/1.1 200 OK\r\nX-A: b\r\n  c\r\n\td\r\nContent-Length: 2\r\n\r\nok', { body: 'ok', headers: { 'x-a': 'b c d' } })
  answers('takes a length that is said twice', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok', { body: 'ok' })
  answers('waits for the answer after 1xx', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', { status: 200, body: 'ok', headers: { 'content-length': '2' } })

  const keeps = (head: string, expected: boolean) =>
    it(`${expected ? 'keeps' : 'does not keep'} the connection after ${JSON.stringify(head)}`, () => expect(read(`${head}\r\nContent-Length: 0\r\n\r\n`)?.keeps).toBe(expected))
  keeps('HTTP/1.1 200 OK', true)
  keeps('HTTP/1.1 200 OK\r\nConnection: close', false)
  keeps('HTTP/1.0 200 OK', false)
  keeps('HTTP/1.0 200 OK\r\nConnection: Keep-Alive', true)
  it('does not keep a connection with more bytes than the answer', () => expect(read('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab')?.keeps).toBe(false))

  it('has no answer when the connection ends too early', () => {
    expect(read('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell')).toBeUndefined()
    expect(read('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n')).toBeUndefined()
    expect(read('HTTP/1.1 200 OK\r\nConten')).toBeUndefined()
  })

  const refuses = (text: string, message: string) => it(`refuses ${JSON.stringify(text.slice(0, 60))}`, () => expect(() => read(text)).toThrow(message))
  refuses('SSH-2.0-OpenSSH\r\n\r\n', 'malformed HTTP response "SSH-2.0-OpenSSH"')
  refuses('SSH-2.0-OpenSSH\r\n', 'malformed HTTP response "SSH-2.0-OpenSSH"')
  refuses('220 mail', 'malformed HTTP response "220 mail"')
  refuses('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok', 'bad Content-Length "2, 3"')
  refuses('HTTP/1.1 200 OK\r\nno colon\r\n\r\n', 'malformed MIME header line: no colon')
  refuses('HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n', 'bad Content-Length "-1"')
  refuses('HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n', 'unsupported transfer encoding: "gzip"')
  refuses('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 'invalid byte in chunk length')
  refuses('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n', 'malformed chunked encoding')
  refuses(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(1024 * 1024)}`, 'response headers exceeded')

  it('limits the body, with room for what packing adds', () => {
    const sized = (bytes: number, head = '') => read(`HTTP/1.1 200 OK\r\n${head}Content-Length: ${bytes}\r\n\r\n${'x'.repeat(bytes)}`, 100, 200)
    expect(sized(199)?.body).toHaveLength(199)
    expect(() => sized(200)).toThrow('body size limit exceeded')
    expect(sized(300, 'Content-Encoding: gzip\r\n')?.body).toHaveLength(300)
    expect(() => read(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n${'x'.repeat(255)}\r\n`, 100, 200)).toThrow('body size limit exceeded')
  })

  it('trusts no length that has not come', () => {
    expect(read(`HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\nx`, 10, Infinity)).toBeUndefined()
  })
})
