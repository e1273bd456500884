import { describe, expect, it } from 'vitest'
import { acceptHeader, bodyFormat } from './scrapeProtocol.ts'

describe('acceptHeader', () => {
  it('is Prometheus\'s by default', () =>
    expect(acceptHeader(['OpenMetricsText1.0.0', 'OpenMetricsText0.0.1', 'PrometheusText1.0.0', 'PrometheusText0.0.4'], 'allow-utf-8')).toBe(
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,' +
        'text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'))
  it('starts at the same weight whatever is listed', () =>
    expect(acceptHeader(['PrometheusProto', 'PrometheusText1.0.0'], 'underscores')).toBe(
      'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,text/plain;version=1.0.0;escaping=underscores;q=0.5,*/*;q=0.4'))
})

describe('bodyFormat', () => {
  const reads = (contentType: string, format: string) => it(`reads ${contentType}`, () => expect(bodyFormat(contentType, undefined)).toBe(format))
  reads('text/plain', 'text')
  reads('Text/Plain; version=0.0.4; charset="utf-8"', 'text')
  reads('application/openmetrics-text; version=1.0.0; charset=utf-8', 'openMetrics')
  reads('application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited', 'protobuf')
  const refuses = (contentType: string, message: string) => it(`refuses ${JSON.stringify(contentType)}`, () => expect(() => bodyFormat(contentType, undefined)).toThrow(message))
  refuses('', 'blank Content-Type and no fallback_scrape_protocol')
  refuses('text/html', 'received unsupported Content-Type "text/html" and no fallback_scrape_protocol specified for target')
  refuses(';;', 'cannot parse Content-Type ";;"')
  it('falls back for a missing, bad or unknown type', () =>
    expect(['', ';;', 'text/html'].map((type) => bodyFormat(type, 'OpenMetricsText0.0.1'))).toEqual(['openMetrics', 'openMetrics', 'openMetrics']))
})
