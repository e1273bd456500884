import { describe, expect, it } from 'vitest'
import { defaultOtlpConfig, type TranslationStrategy } from './otlpConfig.ts'
import { labelName, metricName, type NamedMetric } from './otlpNames.ts'

describe('metricName', () => {
  const gives = (metric: Partial<NamedMetric>, expected: string, translationStrategy: TranslationStrategy = 'UnderscoreEscapingWithSuffixes') =>
    it(`gives ${expected} by ${translationStrategy}`, () => expect(metricName({ name: '', unit: '', kind: 'other', ...metric }, { translationStrategy })).toBe(expected))
  gives({ name: 'http.server.duration', unit: 'ms' }, 'http_server_duration_milliseconds')
  gives({ name: 'http.server.requests', unit: '{requests}', kind: 'monotonicSum' }, 'http_server_requests_total')
  gives({ name: 'total.bytes.sent', unit: 'By', kind: 'monotonicSum' }, 'bytes_sent_total')
  gives({ name: 'system.network.io', unit: 'By/s', kind: 'gauge' }, 'system_network_io_bytes_per_second')
  gives({ name: 'cpu.utilization', unit: '1', kind: 'gauge' }, 'cpu_utilization_ratio')
  gives({ name: 'cpu.utilization', unit: '1' }, 'cpu_utilization')
  gives({ name: 'queue_seconds', unit: 's' }, 'queue_seconds')
  gives({ name: '2nd__try', unit: 'widgets' }, '_2nd_try_widgets')
  gives({ name: 'a:b.c/d', unit: '{x}/m' }, 'a:b_c_d_per_minute')
  gives({ name: 'http.server..duration', unit: 'ms', kind: 'monotonicSum' }, 'http_server_duration', 'UnderscoreEscapingWithoutSuffixes')
  gives({ name: 'http.server.duration', unit: 'ms' }, 'http.server.duration_milliseconds', 'NoUTF8EscapingWithSuffixes')
  gives({ name: 'requests_total', unit: '1', kind: 'monotonicSum' }, 'requests_total', 'NoUTF8EscapingWithSuffixes')
  gives({ name: 'http.server.duration', unit: 'ms', kind: 'monotonicSum' }, 'http.server.duration', 'NoTranslation')
})

describe('labelName', () => {
  const gives = (name: string, expected: string, config: Partial<typeof defaultOtlpConfig> = {}) =>
    it(`gives ${expected} for ${name}`, () => expect(labelName(name, { ...defaultOtlpConfig, ...config })).toBe(expected))
  gives('http.status_code', 'http_status_code')
  gives('1st', 'key_1st')
  gives('_private', 'key_private')
  gives('_private', '_private', { sanitizesUnderscore: false })
  gives('__x', '__x')
  gives('a..b', 'a__b')
  gives('a..b', 'a_b', { preservesUnderscores: false })
  gives('a..b', 'a..b', { translationStrategy: 'NoTranslation' })
  it('refuses a name of which nothing is left', () => expect(() => labelName('...', defaultOtlpConfig)).toThrow('resulted in invalid name "___"'))
})
