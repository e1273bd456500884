import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { labelsFrom } from '../../storage/model/labels.ts'
import { promtoolReport } from '../../test/helpers/alerting/promtool.ts'
import { histogram } from '../../test/helpers/histograms.ts'
import { unquote } from './go/goQuote.ts'
import type { QuerySample } from './ruleFunctions.ts'
import { checkRuleTemplate, Expansion, RuleTemplate, type ExpansionSettings } from './ruleTemplates.ts'

const context: ExpansionSettings & QuerySample = {
  labels: labelsFrom({ __name__: 'm', job: 'a', instance: 'h1.example:9100' }),
  value: 0.00012,
  externalLabels: [],
  externalUrl: '',
  timestampMs: 60_000,
}
const samples: Readonly<Record<string, readonly QuerySample[]>> = {
  m: [
    { labels: labelsFrom({ __name__: 'm', job: 'a', instance: 'h1.example:9100' }), value: 0.00012 },
    { labels: labelsFrom({ __name__: 'm', job: 'b', instance: 'h0' }), value: 1500000 },
  ],
  hist: [{ labels: labelsFrom({ __name__: 'hist' }), value: NaN, histogram: histogram({ positive: { 0: 2 } }) }],
  "m{job='a'}": [{ labels: labelsFrom({ __name__: 'm', job: 'a', instance: 'h1.example:9100' }), value: 0.00012 }],
}

async function expand(text: string, changes: Partial<typeof context> = {}, onQuery: (expr: string) => void = () => {}): Promise<string> {
  const template = new RuleTemplate('X', text)
  const all = { ...context, ...changes }
  const expansion = new Expansion(all, async (expr) => {
    onQuery(expr)
    if (expr === 'bad(') throw new Error('1:5: parse error: unclosed left parenthesis')
    return samples[expr] ?? []
  })
  return await expansion.run(() => template.expandOrExplain(expansion.sample(all), expansion))
}

describe('a histogram in a template', () => {
  const h = histogram({ schema: 0, sum: 2.5, zeroThreshold: 0.001, zeroCount: 1, positive: { 0: 2, 1: 1 } })
  const prints = (text: string, expected: string) => it(`prints ${text}`, async () => expect(await expand(text, { value: NaN, histogram: h })).toBe(expected))
  prints('{{ $value }}', '{count:4, sum:2.5, [-0.001,0.001]:1, (0.5,1]:2, (1,2]:1}')
  prints('{{ .Value.Count }} of {{ $value.Sum | printf "%.2f" }}', '4 of 2.50')
  prints('{{ printf "%s" $value }}', '{count:4, sum:2.5, [-0.001,0.001]:1, (0.5,1]:2, (1,2]:1}')
  prints('{{ $value | humanize }}', `<error expanding template: error executing template __alert_X: template: __alert_X:1:124: executing "__alert_X" at <humanize>: error calling humanize: can't convert *histogram.FloatHistogram to float>`)
  it('is what a query gives', async () => {
    expect(await expand('{{ with query "hist" }}{{ . | first | value }} {{ (. | first).Value.Count }}{{ end }}')).toBe('{count:2, sum:0, (0.5,1]:2} 2')
  })
})

describe('annotation templates', () => {
  let dir = ''
  beforeAll(() => (dir = mkdtempSync(join(tmpdir(), 'solowatch-rule-templates-'))))
  afterAll(() => rmSync(dir, { recursive: true }))

  /** What promtool's rule test reports as the alert's annotations, because the expected ones are missing. */
  function promtool(texts: readonly string[]): string[] {
    const annotations = Object.fromEntries(texts.map((text, i) => [`a${String(i).padStart(3, '0')}`, text]))
    const series = ['m{job="a",instance="h1.example:9100"}', 'm{job="b",instance="h0"}']
    const output = promtoolReport(dir, [{ alert: 'X', expr: 'm{job="a"}', annotations }], {
      input_series: series.map((one, i) => ({ series: one, values: i === 0 ? '0.00012x3' : '1500000x3' })),
      alert_rule_test: [{ eval_time: '1m', alertname: 'X', exp_alerts: [] }],
    })
    const got = /Annotations:\{(.*)\}/.exec(output)?.[1] ?? output
    return [...got.matchAll(/a\d{3}=("(?:[^"\\]|\\.)*")/g)].map((match) => unquote(match[1] ?? '') ?? '')
  }

  it('print as promtool prints them, errors included', async () => {
    const file = join(import.meta.dirname, '../../test/data/templates/rules.txt')
    const texts = readFileSync(file, 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('# '))
    const theirs = promtool(texts)
    // The value may also be a histogram since Prometheus 3, which shows in the name of the data's type.
    const ours = await Promise.all(texts.map(async (text) => (await expand(text)).replaceAll('Value interface {} }', 'Value float64 }')))
    expect(theirs).toHaveLength(texts.length)
    expect(ours).toEqual(theirs)
  })
})

describe('the external URL', () => {
  it('is known with its path', async () => {
    const settings = { externalUrl: 'http://mon.example:9090/prometheus', externalLabels: labelsFrom({ region: 'eu' }) }
    expect(await expand('{{ externalURL }} {{ pathPrefix }} {{ $externalURL }} {{ $externalLabels.region }} {{ now }}', settings)).toBe(
      'http://mon.example:9090/prometheus /prometheus http://mon.example:9090/prometheus eu 60',
    )
  })
})

describe('functions newer than the promtool at hand', () => {
  const prints = (text: string, expected: string) => it(`prints ${text}`, async () => expect(await expand(text)).toBe(expected))
  prints('{{ toDuration 90 }} {{ (toDuration 90.5).Seconds }}', '1m30s 90.5')
  prints('{{ (toTime 1600000000).Format "15:04" }}', '12:26')
  prints('{{ urlQueryEscape "a b&c" }}', 'a+b%26c')
  prints('{{ parseDuration "-1h" }}', '-3600')
  prints('{{ range 3 }}{{ . }}{{ end }}{{ with "" }}{{ else with "x" }}{{ . }}{{ end }}', '012x')
})

describe('a bare word that is no function', () => {
  it('loads with a warning that says what Prometheus would have said', () => {
    const check = checkRuleTemplate('X', 'of {{ database_connection_pool_size }} total')
    expect(check.error).toBeUndefined()
    expect(check.warnings).toHaveLength(1)
    expect(check.warnings[0]).toContain('template: __alert_X:1: function "database_connection_pool_size" not defined')
  })

  it('stays an error with arguments or as an argument', () => {
    const error = (name: string): string => `template: __alert_X:1: function "${name}" not defined`
    expect(checkRuleTemplate('X', '{{ humanise $value }}').error).toBe(error('humanise'))
    expect(checkRuleTemplate('X', '{{ $value | humanise }}').error).toBe(error('humanise'))
    expect(checkRuleTemplate('X', '{{ humanize foo }}').error).toBe(error('foo'))
    expect(checkRuleTemplate('X', '{{ if foo }}{{ end }}').error).toBe(error('foo'))
  })

  it('is the value of the metric that shares most labels with the alert', async () => {
    expect(await expand('{{ m }} {{ m | humanize }}')).toBe('0.00012 120u')
    expect(await expand('{{ m }}', { labels: labelsFrom({ job: 'b' }) })).toBe('1.5e+06')
    expect(await expand('{{ $x := m }}{{ $x }}')).toBe('0.00012')
  })

  it('stays as written when the metric does not exist', async () => expect(await expand('a {{ nope }} b{{- nope | humanize -}} c')).toBe('a {{ nope }} b{{- nope | humanize -}}c'))
})

describe('queries in templates', () => {
  it('are asked once, and an error goes into the text', async () => {
    const asked: string[] = []
    const text = await expand('{{ query "m" | len }}{{ query "m" | len }}{{ query "bad(" }}', {}, (expr) => asked.push(expr))
    expect(asked).toEqual(['m', 'bad('])
    expect(text).toMatch(/^<error expanding template: error executing template __alert_X: .* error calling query: 1:5: parse error/)
  })

  it('have a limit', async () => {
    expect(await expand('{{ range 1001 }}{{ query (printf "m%d" .) }}{{ end }}')).toContain('the templates make more than 1000 queries')
  })
})

describe('limits', () => {
  const failure = async (text: string): Promise<string> => await expand(text)
  it('end endless recursion', async () => expect(await failure('{{ define "r" }}{{ template "r" }}{{ end }}{{ template "r" }}')).toContain('exceeded maximum template depth'))
  it('end loops that take too long', async () => expect(await failure('{{ range 1000000000 }}{{ end }}')).toContain('steps'))
  it('end output without measure', async () => expect(await failure('{{ range 100 }}{{ range 1000 }}{{ printf "%1000d" 1 }}{{ end }}{{ end }}')).toContain('output is longer'))
})
