import { describe, expect, it } from 'vitest'
import { createRandom } from '../../test/helpers/random.ts'
import { OpenMetricsReader } from './openMetrics.ts'
import { parseTextExposition } from './text/exposition.ts'
import type { ExpositionSample } from './text/expositionLexer.ts'
import { parseOpenMetrics, parseOpenMetricsSeries } from './text/openMetricsParser.ts'

const bytes = (text: string) => Buffer.from(text, 'utf8')

function strict(text: string | Buffer) {
  const samples: ExpositionSample[] = []
  parseOpenMetrics(typeof text === 'string' ? bytes(text) : text, { sample: (sample) => samples.push(sample) })
  return samples
}

function fast(text: string) {
  const samples: ExpositionSample[] = []
  parseTextExposition(new OpenMetricsReader().toText(bytes(text)), { sample: (sample) => samples.push(sample) })
  return samples
}

describe('parseOpenMetrics', () => {
  const sample = (line: string, value: number, timestampMs?: number) =>
    it(`reads ${line}`, () => {
      const [first] = strict(`${line}\n# EOF\n`)
      expect([first?.value, first?.timestampMs]).toEqual([value, timestampMs])
    })
  sample('a 1', 1)
  sample('a{b="c",} 1 1520879607.789', 1, 1_520_879_607_789)
  sample('a 1 -0.5', 1, -500)
  sample('a_total 1 # {trace_id="x",span="y"} 0.5 1520879607', 1)
  sample('a_bucket{le="1"} 1 2 # {} NaN', 1, 2000)
  sample('{"a.b",x="y"} +Inf', Infinity)

  const fails = (text: string | Buffer, message: string) =>
    it(`refuses ${JSON.stringify(text.toString())}`, () => expect(() => strict(text)).toThrow(message))
  fails('', 'data does not end with # EOF (line 1)')
  fails('a 1\n', 'data does not end with # EOF (line 2)')
  fails('a 1', 'data does not end with # EOF (line 1)')
  fails('# EOF\na 1\n', 'unexpected data after # EOF')
  fails('# EOF\n\n', 'unexpected data after # EOF')
  fails('\n# EOF\n', 'expected a valid start token, got "\\n" ("INVALID")')
  fails(' a 1\n# EOF\n', 'expected a valid start token')
  fails('a  1\n# EOF\n', 'expected value after metric')
  fails('a\t1\n# EOF\n', 'expected value after metric')
  fails('a{b="c", d="e"} 1\n# EOF\n', 'expected label name')
  fails('a{b="c"d="e"} 1\n# EOF\n', 'expected comma or brace close')
  fails('a{b="c"}1\n# EOF\n', 'expected value after metric')
  fails('a 1 \n# EOF\n', 'expected timestamp or # symbol')
  fails('a 1 NaN\n# EOF\n', 'invalid timestamp NaN')
  fails('a 1 2 3\n# EOF\n', 'expected next entry after timestamp')
  fails('a 1 # {x="y"} 1\n# EOF\n', 'metric name a does not support exemplars')
  fails('a_total 1 # {x} 1\n# EOF\n', 'expected label name')
  fails('a_total 1 # {x="y"}\n# EOF\n', 'expected value after exemplar labels')
  fails('a_total 1 # {x="y"} 1 Inf\n# EOF\n', 'invalid exemplar timestamp +Inf')
  fails('a_total 1 # {x="y"} 1 2 3\n# EOF\n', 'expected next entry after exemplar timestamp')
  fails('# comment\n# EOF\n', 'expected a valid start token')
  fails('# TYPE a untyped\n# EOF\n', 'invalid metric type "untyped"')
  fails('# TYPE a\n# EOF\n', 'expected text in TYPE')
  fails('# UNIT a_seconds bytes\n# EOF\n', 'unit "bytes" not a suffix of metric "a_seconds"')
  fails('# UNIT aseconds seconds\n# EOF\n', 'unit "seconds" not a suffix of metric "aseconds"')
  fails(Buffer.from('# HELP a \xff\n# EOF\n', 'latin1'), 'help text "\\xff" is not a valid utf8 string')

  it('reads metadata of all kinds', () => {
    const lines: string[][] = []
    const text = '# TYPE a_seconds histogram\n# UNIT a_seconds seconds\n# HELP a_seconds one\\ntwo "x"\\\\\n# TYPE "b.c" stateset\n# EOF'
    parseOpenMetrics(bytes(text), { metadata: (...line) => lines.push(line) })
    expect(lines).toEqual([['type', 'a_seconds', 'histogram'], ['unit', 'a_seconds', 'seconds'], ['help', 'a_seconds', 'one\ntwo "x"\\'], ['type', 'b.c', 'stateset']])
  })
})

describe('OpenMetricsReader', () => {
  it('gives the body itself when nothing must change', () => {
    const body = bytes('# TYPE a counter\na_total 1\n# EOF\n')
    expect(new OpenMetricsReader().toText(body)).toBe(body)
  })

  it('tells metadata once, and again when it changes', () => {
    const reader = new OpenMetricsReader()
    reader.toText(bytes('# TYPE a info\na_info 1\n# EOF\n'))
    expect(reader.changedMetadata()).toEqual([{ kind: 'type', name: 'a', text: 'info' }])
    reader.toText(bytes('# TYPE a info\na_info 2\n# EOF\n'))
    expect(reader.changedMetadata()).toBeUndefined()
    reader.toText(bytes('# TYPE a gauge\na_info 2\n# EOF\n'))
    expect(reader.changedMetadata()).toEqual([{ kind: 'type', name: 'a', text: 'gauge' }])
  })

  it('brings bounds to one form only in histograms and summaries', () => {
    const text = '# TYPE h histogram\nh_bucket{le="1"} 1\n# TYPE g gaugehistogram\ng_bucket{le="1"} 1\n# EOF\n'
    expect(fast(text).map((one) => one.labels[1]?.value)).toEqual(['1.0', '1'])
    expect(strict(text).map((one) => one.labels[1]?.value)).toEqual(['1.0', '1'])
  })

  it('reads what the strict parser reads, and refuses what it refuses', () => {
    const { seed, below, pick } = createRandom()
    const word = () => pick(['a', 'b_total', 'x:y', 'le', 'ü', 'a b', '}', '{', ',', '\\\\', '\\"', '\\n', '#', ''])
    const label = () => `${pick(['a', 'b', 'le', '"q.r"'])}="${word()}"`
    const number = () => pick(['1', '-2.5e3', 'NaN', '+Inf', '0', '.5', '12345.678'])
    const line = () => {
      if (below(8) === 0) return `# ${pick(['TYPE', 'HELP', 'UNIT'])} ${pick(['a', 'b_total', '"q.r"'])} ${pick(['counter', 'info', 'unknown', 'histogram', 'total', ''])}`
      const labels = below(2) === 0 ? '' : `{${Array.from({ length: below(4) }, label).join(',')}${pick(['', '', ','])}}`
      return `${pick(['a', 'b_total', 'x_bucket'])}${labels} ${number()}${pick(['', '', ` ${number()}`])}${pick(['', '', '', '', '', ` # {${label()}} ${number()}`, ` # {} 1 ${number()}`])}`
    }
    let good = 0
    for (let i = 0; i < 1500; i++) {
      let text = `${Array.from({ length: below(6) }, line).join('\n')}\n# EOF${pick(['\n', ''])}`.replace(/^\n/, '')
      if (below(3) === 0) {
        const at = below(text.length)
        text = text.slice(0, at) + pick([' ', '\n', '"', '{', '}', '#', 'x', '', '\t']) + text.slice(at + below(2))
      }
      const outcome = (read: (text: string) => ExpositionSample[]) => {
        try {
          return read(text).map(({ labels, value, timestampMs, line: at }) => ({ labels, value, at, timestampMs: timestampMs !== undefined && timestampMs < 0 ? 2 ** 63 : timestampMs }))
        } catch {
          return 'refused'
        }
      }
      const expected = outcome(strict)
      if (expected !== 'refused') good++
      // A label that is wrong only for OpenMetrics is found when the series is new, which is after this step.
      const labelsAreChecked = expected !== 'refused' || outcome(fast) === 'refused' || !labelsPassStrictly(text)
      if (expected === 'refused') expect(labelsAreChecked, `seed ${seed}: ${JSON.stringify(text)}`).toBe(true)
      else expect(outcome(fast), `seed ${seed}: ${JSON.stringify(text)}`).toEqual(expected)
    }
    expect(good).toBeGreaterThan(500)
  })
})

/** Whether the text of every series is good OpenMetrics. */
function labelsPassStrictly(text: string): boolean {
  const reader = new OpenMetricsReader()
  try {
    parseTextExposition(reader.toText(bytes(text)), { sample: (one) => void parseOpenMetricsSeries(bytes(one.text), '', one.line) })
    return true
  } catch {
    return false
  }
}
