import { describe, expect, it } from 'vitest'
import { labelsFrom } from '../../storage/model/labels.ts'
import { fingerprintOf, type Alert } from '../alerts/alert.ts'
import type { RawMatcher } from '../config/routeConfig.ts'
import { Inhibitor } from './inhibit.ts'

const position = { file: '', line: 1, column: 1 }
const text = (...matchers: string[]): RawMatcher[] => matchers.map((one) => ({ kind: 'text', text: one, position }))

function alert(set: Record<string, string>, endsAtMs = 1_000): Alert {
  const labels = labelsFrom(set)
  return { labels, annotations: [], startsAtMs: 0, endsAtMs, updatedAtMs: 0, timeout: false, generatorUrl: '', fingerprint: fingerprintOf(labels) }
}

function inhibitor(source: string[], target: string[], equal: string[], sources: readonly Alert[]): Inhibitor {
  const made = new Inhibitor([{ name: '', sourceMatchers: text(...source), targetMatchers: text(...target), equal, position }], 'fallback')
  sources.forEach((one) => made.add(one))
  return made
}

describe('Inhibitor', () => {
  const critical = alert({ alertname: 'A', severity: 'critical', instance: '1' })
  const of = (set: Record<string, string>) => labelsFrom(set)

  it('mutes a target with equal labels until the source resolves', () => {
    const made = inhibitor(['severity=critical'], ['severity=warning'], ['instance', 'cluster'], [critical])
    expect(made.inhibitedBy(of({ alertname: 'B', severity: 'warning', instance: '1' }), 999)).toBe(critical.fingerprint)
    expect(made.inhibitedBy(of({ alertname: 'B', severity: 'warning', instance: '1' }), 1_000)).toBeUndefined()
    expect(made.inhibitedBy(of({ alertname: 'B', severity: 'warning', instance: '2' }), 0)).toBeUndefined()
    expect(made.inhibitedBy(of({ alertname: 'B', severity: 'warning', instance: '1', cluster: 'x' }), 0)).toBeUndefined()
    expect(made.inhibitedBy(of({ alertname: 'B', severity: 'info', instance: '1' }), 0)).toBeUndefined()
  })

  it('never lets alerts that match both sides inhibit each other or themselves', () => {
    const both = alert({ alertname: 'A', severity: 'critical' })
    const other = alert({ alertname: 'B', severity: 'critical' })
    const made = inhibitor(['severity=critical'], ['severity=critical'], [], [both, other])
    expect(made.inhibitedBy(both.labels, 0)).toBeUndefined()
    expect(made.inhibitedBy(other.labels, 0)).toBeUndefined()
  })

  it('looks at every source, also when the one that ends last is two-sided', () => {
    const twoSided = alert({ alertname: 'A', a: '1', b: '1' }, 5_000)
    const oneSided = alert({ alertname: 'B', a: '1' }, 1_000)
    const made = inhibitor(['a=1'], ['b=1'], [], [oneSided, twoSided])
    expect(made.inhibitedBy(of({ alertname: 'T', a: '1', b: '1' }), 0)).toBe(oneSided.fingerprint)
  })

  it('sees a source that came back and forgets those that are gone', () => {
    const made = inhibitor(['severity=critical'], ['severity=warning'], [], [critical])
    made.collectGarbage(2_000)
    expect(made.inhibitedBy(of({ severity: 'warning' }), 0)).toBeUndefined()
    made.add({ ...critical, endsAtMs: 9_000 })
    expect(made.inhibitedBy(of({ severity: 'warning' }), 2_000)).toBe(critical.fingerprint)
  })

  it('inhibits nothing by an empty rule', () => {
    const made = inhibitor([], [], [], [critical])
    expect(made.inhibitedBy(critical.labels, 0)).toBeUndefined()
    expect(made.inhibitedBy(of({ alertname: 'Z' }), 0)).toBeUndefined()
  })
})
