import { describe, expect, it } from 'vitest'
import { negotiateFormat } from './negotiate.ts'

describe('negotiateFormat', () => {
  const gives = (accept: string, kind: string, version: string, escaping?: string) => it(`gives ${kind} ${version} for ${accept}`, () => expect(negotiateFormat(accept)).toEqual({ kind, version, escaping }))
  gives('', 'text', '0.0.4')
  gives('*/*', 'text', '0.0.4')
  gives('text/html,application/xhtml+xml,*/*;q=0.8', 'text', '0.0.4')
  gives('application/openmetrics-text;version=1.0.0', 'openMetrics', '1.0.0')
  gives('application/openmetrics-text; version=2.0.0, text/plain;q=0.1', 'text', '0.0.4')
  gives('application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.9', 'text', '0.0.4')
  gives('text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,application/openmetrics-text;version=0.0.1;q=0.5', 'openMetrics', '0.0.1')
  gives('application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2', 'openMetrics', '1.0.0', 'allow-utf-8')
  gives('application/openmetrics-text;q=0', 'text', '0.0.4')
  gives('text/plain;version=1.0.0;escaping=allow-utf-8', 'text', '1.0.0', 'allow-utf-8')
  gives('application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,text/plain;q=0.3', 'protobuf', '')
  gives('application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text', 'text', '0.0.4')
  gives('text/plain;version=1.0.0;escaping=values', 'text', '0.0.4', 'values')
  gives('text/plain;version=1.0.0;escaping=other', 'text', '0.0.4')

  it('reads nothing of a header that is longer than is sensible', () => {
    expect(negotiateFormat(`application/openmetrics-text${','.repeat(100_000)}`)).toMatchObject({ kind: 'text' })
  })
})
