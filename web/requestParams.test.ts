import { describe, expect, it } from 'vitest'
import { parseTimeMs, readForm, RequestParams } from './requestParams.ts'

const paramsOf = (query: string, body?: string) => new RequestParams(body === undefined ? undefined : readForm(body), readForm(query))

describe('parseTimeMs', () => {
  const reads = (text: string, expectedMs: number | undefined) => it(`reads ${text}`, () => expect(parseTimeMs(text)).toBe(expectedMs))
  reads('1700000000', 1_700_000_000_000)
  reads('1700000000.1234', 1_700_000_000_123)
  reads('-1.5', -1500)
  reads('0.0005', 1)
  reads('-0.0005', -1)
  reads('-1.0004', -1000)
  reads('-1.9995', -2000)
  reads('1e-3', 1)
  reads('1.5e9', 1_500_000_000_000)
  reads('2024-01-02T03:04:05.678Z', 1_704_164_645_678)
  reads('2024-01-02T03:04:05.678901234+01:00', 1_704_161_045_678)
  reads('-292273086-05-16T16:47:06Z', -8.64e15)
  reads('292277025-08-18T07:12:54.999999999Z', 8.64e15)
  reads('now', undefined)
  reads('NaN', undefined)
  reads('2024-01-02', undefined)
  reads('2024-02-29T23:59:59Z', 1_709_251_199_000)
  reads('2023-02-29T00:00:00Z', undefined)
  reads('2024-13-01T00:00:00Z', undefined)
  reads('2024-01-02T24:00:00Z', undefined)
})

describe('RequestParams', () => {
  it('takes body values before URL values', () => {
    const params = paramsOf('query=url&match[]=a', 'query=body&match[]=b')
    expect(params.text('query')).toBe('body')
    expect(params.list('match[]')).toEqual(['b', 'a'])
  })

  it('reads durations as seconds or as text', () => {
    expect(paramsOf('step=1.5').requiredDurationMs('step')).toBe(1500)
    expect(paramsOf('step=1m30s').requiredDurationMs('step')).toBe(90_000)
    expect(paramsOf('step=-5').requiredDurationMs('step')).toBe(-5000)
    expect(paramsOf('').durationMs('timeout')).toBe(undefined)
    expect(paramsOf('step=1.025').requiredDurationMs('step')).toBe(1024.999999)
    expect(paramsOf('step=9223372036.854775').requiredDurationMs('step')).toBe(9_223_372_036_854.775)
  })

  it('leaves out what cannot be read, and says so where it is asked', () => {
    const params = paramsOf('query=%zz&time=1;2&limit=3')
    expect([params.text('query'), params.text('time'), params.text('limit')]).toEqual(['', '', '3'])
    expect(() => params.requireWellFormed()).toThrow('error parsing form values: invalid URL escape "%zz"')
  })

  it('reads escapes, spaces, names without a value and bytes that are no UTF-8', () => {
    const params = paramsOf('query=a+%2B%20b%3D%C3%A9&&flag&match[]=%ff%41&a=1=2&match%5B%5D=+')
    expect([params.text('query'), params.text('a'), params.has('flag'), params.has('other')]).toEqual(['a + b=é', '1=2', true, false])
    expect(params.list('match[]')).toEqual(['\uFFFDA', ' '])
  })

  it('reads as many parameters as Go does', () => {
    expect(paramsOf('a&'.repeat(9_999) + 'query=up').text('query')).toBe('up')
    const params = paramsOf('query=url', 'query=body&' + '%ff&'.repeat(10_000))
    expect(params.text('query')).toBe('url')
    expect(() => params.requireWellFormed()).toThrow('error parsing form values: number of URL query parameters exceeded limit')
  })

  const refuses = (what: string, read: () => unknown, message: string) => it(`refuses ${what}`, () => expect(read).toThrow(message))
  refuses('a bad time', () => paramsOf('start=x').timeMs('start'), `invalid parameter "start": Invalid time value for 'start': cannot parse "x" to a valid timestamp`)
  refuses('a missing start', () => paramsOf('').requiredTimeMs('start'), 'invalid parameter "start": cannot parse "" to a valid timestamp')
  refuses('a bad step', () => paramsOf('step=fast').requiredDurationMs('step'), 'invalid parameter "step": cannot parse "fast" to a valid duration')
  refuses('an endless step', () => paramsOf('step=1e20').requiredDurationMs('step'), 'It overflows int64')
  refuses('a bad selector', () => paramsOf('match[]=up{').selectors('match[]'), 'invalid parameter "match[]": 1:4: parse error')
  refuses('a selector that matches everything', () => paramsOf('match[]={a=~".*"}').selectors('match[]'), 'must contain at least one non-empty matcher')
  refuses('a negative limit', () => paramsOf('limit=-1').limit(), 'invalid parameter "limit": limit must be non-negative')
  refuses('a limit that is no number', () => paramsOf('limit=x').limit(), 'invalid parameter "limit"')
  refuses('a bad boolean', () => paramsOf('exclude_alerts=maybe').bool('exclude_alerts'), 'ParseBool')
})
