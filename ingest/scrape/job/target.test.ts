import { describe, expect, it } from 'vitest'
import { defaultRelabelConfig, type RelabelConfig } from '../../../src/base/config/relabelConfig.ts'
import { labelsToObject } from '../../../storage/model/labels.ts'
import { compileRelabel } from '../../relabel.ts'
import { createTarget, populateLabels, scrapeOffsetMs } from './target.ts'

const job = {
  jobName: 'j',
  scrapeIntervalMs: 15_000,
  scrapeTimeoutMs: 10_000,
  metricsPath: '/metrics',
  scheme: 'http',
  params: {},
  scrapeNativeHistograms: false,
  alwaysScrapeClassicHistograms: false,
  convertClassicHistogramsToNhcb: false,
}
const rule = (over: Partial<RelabelConfig>): RelabelConfig => ({ ...defaultRelabelConfig, ...over })
const make = (target: Record<string, string>, settings: Partial<typeof job & { params: Record<string, string[]> }> = {}, rules: Partial<RelabelConfig>[] = []) => {
  const all = { ...job, ...settings }
  return createTarget(populateLabels(target, {}, all), all, compileRelabel(rules.map(rule)))
}
const made = (...args: Parameters<typeof make>) => {
  const outcome = make(...args)
  if (outcome.kind !== 'target') throw new Error(JSON.stringify(outcome))
  return outcome.target
}

describe('populateLabels', () => {
  it('lets the target win over its group and both over the job', () => {
    const labels = labelsToObject(populateLabels({ __address__: 'h:1', a: 't' }, { a: 'g', b: 'g', job: 'mine' }, { ...job, params: { x: ['1', '2'], y: [] } } as never))
    expect(labels).toEqual({
      __address__: 'h:1', a: 't', b: 'g', job: 'mine', __scrape_interval__: '15s', __scrape_timeout__: '10s', __metrics_path__: '/metrics',
      __scheme__: 'http', __param_x: '1', __scrape_native_histograms__: 'false', __always_scrape_classic_histograms__: 'false',
      __convert_classic_histograms_to_nhcb__: 'false',
    })
  })
})

describe('createTarget', () => {
  it('makes instance of the address and hides internal labels', () => {
    const target = made({ __address__: 'h:1', __meta_x: 'y', zone: 'a' })
    expect(labelsToObject(target.labels)).toEqual({ instance: 'h:1', job: 'j', zone: 'a' })
    expect(target.url).toBe('http://h:1/metrics')
    expect([target.intervalMs, target.timeoutMs]).toEqual([15_000, 10_000])
  })
  it('keeps a given instance', () => expect(labelsToObject(made({ __address__: 'h:1', instance: 'me' }).labels)['instance']).toBe('me'))
  it('adds no port', () => expect(made({ __address__: 'h' }, { scheme: 'https' }).url).toBe('https://h/metrics'))
  it('escapes path and query as Go does', () =>
    expect(made({ __address__: 'h:1' }, { metricsPath: 'a b?c!', params: { 'm[]': ['x y', '{a="b"}'], a: ['1'] } }).url).toBe(
      'http://h:1/a%20b%3Fc%21?a=1&m%5B%5D=x+y&m%5B%5D=%7Ba%3D%22b%22%7D'))
  it('lets a param label replace the first value or add a parameter', () =>
    expect(made({ __address__: 'h:1', __param_a: '9', __param_new: 'n' }, { params: { a: ['1', '2'] } }).url).toBe('http://h:1/metrics?a=9&a=2&new=n'))
  it('takes interval, timeout, path and scheme from labels', () => {
    const target = made({ __address__: 'h:1' }, {}, [
      { targetLabel: '__scrape_interval__', replacement: '30s' }, { targetLabel: '__metrics_path__', replacement: '/m' }, { targetLabel: '__scheme__', replacement: 'https' },
    ])
    expect([target.intervalMs, target.url]).toEqual([30_000, 'https://h:1/m'])
  })
  it('connects over a unix socket', () => {
    const target = made({ __unix_socket__: '/run/x.sock' })
    expect([target.unixSocket, target.url]).toEqual(['/run/x.sock', 'http://localhost/metrics'])
  })
  it('drops by relabelling', () => expect(make({ __address__: 'h:1' }, {}, [{ action: 'drop' }]).kind).toBe('dropped'))
  it('knows targets that differ only in their interval', () => {
    const [a, b, c] = [made({ __address__: 'h:1' }), made({ __address__: 'h:1' }, { scrapeIntervalMs: 30_000 }), made({ __address__: 'h:2' })]
    expect(a.key).not.toBe(b.key)
    expect(a.identity).toBe(b.identity)
    expect(a.identity).not.toBe(c.identity)
  })

  const refuses = (claim: string, target: Record<string, string>, message: string) =>
    it(`refuses ${claim}`, () => expect(make(target)).toEqual({ kind: 'error', message }))
  refuses('no address', { a: 'b' }, 'no address')
  refuses('a URL as address', { __address__: 'http://h:1' }, '"http://h:1" is not a valid hostname')
  refuses('a bad interval', { __address__: 'h', __scrape_interval__: 'often' }, 'error parsing scrape interval: not a valid duration string: "often"')
  refuses('interval zero', { __address__: 'h', __scrape_interval__: '0s' }, 'scrape interval cannot be 0')
  refuses('timeout zero', { __address__: 'h', __scrape_timeout__: '0' }, 'scrape timeout cannot be 0')
  refuses('a timeout beyond the interval', { __address__: 'h', __scrape_timeout__: '20s' }, 'scrape timeout cannot be greater than scrape interval ("20s" > "15s")')
  refuses('a boolean that is none', { __address__: 'h', __scrape_native_histograms__: 'yes' }, 'error parsing __scrape_native_histograms__: strconv.ParseBool: parsing "yes": invalid syntax')
})

describe('scrapeOffsetMs', () => {
  it('is stable, within the interval, and differs by seed', () => {
    const offsets = Array.from({ length: 50 }, (_, i) => scrapeOffsetMs({ key: `k${i}`, intervalMs: 15_000 }, 'server', 1000))
    expect(offsets).toEqual(Array.from({ length: 50 }, (_, i) => scrapeOffsetMs({ key: `k${i}`, intervalMs: 15_000 }, 'server', 1000)))
    expect(Math.min(...offsets)).toBeLessThan(3000)
    expect(Math.max(...offsets)).toBeGreaterThan(12_000)
    expect(scrapeOffsetMs({ key: 'k0', intervalMs: 15_000 }, 'other', 1000)).not.toBe(offsets[0])
  })

  it('is shared by targets', () => {
    const offsets = new Set(Array.from({ length: 1000 }, (_, i) => scrapeOffsetMs({ key: `k${i}`, intervalMs: 5_000 }, 'server', 250)))
    expect(offsets.size).toBe(20)
  })
})
