import { describe, expect, it } from 'vitest'
import { labelsToObject } from '../../../storage/model/labels.ts'
import { parseSeries, parseTextExposition } from './exposition.ts'
import type { ExpositionSample } from './expositionLexer.ts'

const bytes = (text: string) => Buffer.from(text, 'utf8')

function read(text: string | Uint8Array) {
  const samples: ExpositionSample[] = []
  const metadata: string[][] = []
  parseTextExposition(typeof text === 'string' ? bytes(text) : text, {
    sample: (sample) => samples.push(sample),
    metadata: (...entry) => metadata.push(entry),
  })
  return { samples, metadata }
}

describe('parseTextExposition', () => {
  const sample = (line: string, labels: Record<string, string>, value: number, timestampMs?: number) =>
    it(`reads ${JSON.stringify(line)}`, () => {
      const [first] = read(`${line}\n`).samples
      expect(labelsToObject(first?.labels ?? [])).toEqual(labels)
      expect(first?.value).toBe(value)
      expect(first?.timestampMs).toBe(timestampMs)
    })
  sample('a 1', { __name__: 'a' }, 1)
  sample('  a\t 1', { __name__: 'a' }, 1)
  sample('a:b_9 -1.5e-3 1520879607789', { __name__: 'a:b_9' }, -0.0015, 1520879607789)
  sample('a{} 1', { __name__: 'a' }, 1)
  sample('a { b = "c" , d="e", } 1', { __name__: 'a', b: 'c', d: 'e' }, 1)
  sample('a{b="c" d="e"} 1', { __name__: 'a', b: 'c', d: 'e' }, 1)
  sample('a{b="x\\\\y\\"z\\nw\\t"} 1', { __name__: 'a', b: 'x\\y"z\nw\\t' }, 1)
  sample('a{b="one\ntwo"} 1', { __name__: 'a', b: 'one\ntwo' }, 1)
  sample('a{b="}{,=#"} 1', { __name__: 'a', b: '}{,=#' }, 1)
  sample('{"my.metric","l\\"l"="ünï"} 1', { __name__: 'my.metric', 'l"l': 'ünï' }, 1)
  sample('{"last",} 1', { __name__: 'last' }, 1)
  sample('{x="y","name"} 1', { __name__: 'name', x: 'y' }, 1)
  sample('a .5', { __name__: 'a' }, 0.5)
  sample('a 5.', { __name__: 'a' }, 5)
  sample('a Inf', { __name__: 'a' }, Infinity)
  sample('a -infinity', { __name__: 'a' }, -Infinity)
  sample('a nAn', { __name__: 'a' }, NaN)
  sample('a -0', { __name__: 'a' }, -0)

  const fails = (text: string, message: string) =>
    it(`refuses ${JSON.stringify(text)}`, () => expect(() => read(text)).toThrow(message))
  fails('a 1\nb\n', 'expected value after metric, got "\\n" ("INVALID") while parsing: "b\\n" (line 2)')
  fails('a{b="c" 1\n', 'expected label name, got "1" ("INVALID") while parsing: "a{b=\\"c\\" 1"')
  fails('a{b=c} 1\n', 'expected label value')
  fails('a{="c"} 1\n', 'expected label name')
  fails('a{b="c"\n', 'expected label name')
  fails('a{b="c",,} 1\n', 'expected label name')
  fails('a{b} 1\n', 'expected equal')
  fails('a{"b"} 1\n', 'metric name already set while parsing: "a{\\"b\\"}"')
  fails('{b="c"} 1\n', 'metric name not set while parsing: "{b=\\"c\\"}"')
  fails('a 0x1\n', 'strconv.ParseFloat: parsing "0x1": invalid syntax')
  fails('a 0x1p2\n', 'unsupported character in float')
  fails('a 1_000\n', 'unsupported character in float')
  fails('a 1e999\n', 'value out of range')
  fails('a +nan\n', 'invalid syntax')
  fails('a 1\r\n', 'strconv.ParseFloat: parsing "1\\r": invalid syntax')
  fails('a 1 -5\n', 'expected timestamp or new record')
  fails('a 1 1.5\n', 'expected next entry after timestamp')
  fails('a 1 9223372036854775808\n', 'value out of range')
  fails('a 1 2 3\n', 'expected next entry after timestamp')
  fails('9a 1\n', 'expected a valid start token')
  fails('# TYPE a thing\n', 'invalid metric type "thing" (line 1)')
  fails('# TYPE a counter \n', 'invalid metric type "counter "')
  fails('# TYPE a\n', 'invalid metric type ""')
  fails('# HELP 9 x\n', 'expected metric name after HELP')
  fails('a 1\nb', 'expected value after metric, got "\\n" ("INVALID") while parsing: "b\\n" (line 2)')

  it('refuses label values and help that are not UTF-8', () => {
    expect(() => read(Buffer.from('a{b="\xff"} 1\n', 'latin1'))).toThrow('invalid UTF-8 label value: "\\"\\xff\\""')
    expect(() => read(Buffer.from('# HELP a \xff\n', 'latin1'))).toThrow('is not a valid utf8 string')
  })

  it('reads metadata, and passes over other comments and blank lines', () => {
    const text = '# HELP a.b x\n# HELP a  one\\\\two\\nthree\n# TYPE "x.y" gauge\n#\n#TYPE b thing\n# TYPES\n\n   \n# HELP b\n'
    expect(() => read(text)).not.toThrow()
    expect(read(text).metadata).toEqual([
      ['help', 'a', 'b x'],
      ['help', 'a', ' one\\two\nthree'],
      ['type', 'x.y', 'gauge'],
      ['help', 'b', ''],
    ])
  })

  it('adds the line feed that a last line lacks, as Prometheus does', () => {
    expect(read('a 1\nb 2').samples.map((one) => one.value)).toEqual([1, 2])
    expect(read('a 1\n \t').samples.length).toBe(1)
    expect(read('# TYPE a gauge').metadata).toEqual([['type', 'a', 'gauge']])
    expect(read('# a comment').samples).toEqual([])
  })

  it('reads a label value of many megabytes', () => {
    expect(read(`a{b="${'x'.repeat(12_000_000)}"} 1`).samples[0]?.labels[1]?.value.length).toBe(12_000_000)
  })

  it('tells the line of each sample', () => {
    expect(read('# c\na 1\n\nb{x="1\n2"} 1\nc 1\n').samples.map((one) => one.line)).toEqual([2, 4, 6])
  })

  it('brings le and quantile to one form, only in histograms and summaries', () => {
    const text = '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\nh_bucket{le="1000000"} 1\nh{quantile="1"} 1\n' +
      '# TYPE s summary\ns{quantile="0"} 1\ns{quantile="0.99"} 1\ns{quantile="x"} 1\n# TYPE g gauge\ng{le="1",quantile="1"} 1\n'
    expect(read(text).samples.map((one) => one.labels.slice(1).map((label) => label.value).join())).toEqual([
      '1.0', '+Inf', '1e+06', '1', '0.0', '0.99', 'x', '1,1',
    ])
  })

  it('keeps repeated and empty labels for those who judge them', () => {
    expect(read('a{b="1",b="",b="2"} 1\n').samples[0]?.labels.map((label) => label.value)).toEqual(['a', '1', '', '2'])
  })
})

describe('parseSeries', () => {
  it('reads the labels of a series alone', () => {
    expect(labelsToObject(parseSeries(bytes('h_bucket{le="5",x="y"}'), 'histogram', 3))).toEqual({ __name__: 'h_bucket', le: '5.0', x: 'y' })
    expect(labelsToObject(parseSeries(bytes('up'), '', 3))).toEqual({ __name__: 'up' })
  })
  it('names the line of an error', () => {
    expect(() => parseSeries(bytes('h{"le"}'), '', 3)).toThrow('(line 3)')
  })
})
