import { describe, expect, it } from 'vitest'
import { labelsFrom } from '../../storage/model/labels.ts'
import { compareForNotification, fingerprintOf, mergeAlerts, type Alert } from './alert.ts'

function alert(over: Partial<Alert> & { readonly set?: Record<string, string> }): Alert {
  const labels = labelsFrom(over.set ?? { alertname: 'X' })
  return { labels, annotations: [], startsAtMs: 0, endsAtMs: 100, updatedAtMs: 0, timeout: false, generatorUrl: '', fingerprint: fingerprintOf(labels), ...over }
}

describe('fingerprintOf', () => {
  it('gives Alertmanager’s fingerprint', () => {
    expect(fingerprintOf(labelsFrom({ alertname: 'HighCPU', cluster: 'c1', instance: 'i1', severity: 'critical' }))).toBe('950fc14ff4da25fd')
    expect(fingerprintOf([])).toBe('cbf29ce484222325')
  })
})

describe('mergeAlerts', () => {
  const merged = (name: string, old: Partial<Alert>, next: Partial<Alert>, expected: Partial<Alert>) =>
    it(name, () => expect(mergeAlerts(alert(old), alert(next))).toMatchObject(expected))

  merged('replaces on a normal resend, which has the same start and a later end',
    { startsAtMs: 10, endsAtMs: 250, updatedAtMs: 10, generatorUrl: 'old' }, { startsAtMs: 10, endsAtMs: 310, updatedAtMs: 70, generatorUrl: 'new' },
    { startsAtMs: 10, endsAtMs: 310, generatorUrl: 'new' })
  merged('keeps the earliest start when the end moves to now',
    { startsAtMs: 10, endsAtMs: 250, updatedAtMs: 10 }, { startsAtMs: 50, endsAtMs: 80, updatedAtMs: 80 }, { startsAtMs: 10, endsAtMs: 80 })
  merged('replaces when the ranges only touch', { startsAtMs: 10, endsAtMs: 50 }, { startsAtMs: 50, endsAtMs: 90, updatedAtMs: 60 }, { startsAtMs: 50, endsAtMs: 90 })
  merged('keeps a later end that the sender gave', { startsAtMs: 0, endsAtMs: 500, updatedAtMs: 10 }, { startsAtMs: 5, endsAtMs: 300, updatedAtMs: 20 }, { startsAtMs: 0, endsAtMs: 500 })
  merged('drops a later end that was a timeout', { startsAtMs: 0, endsAtMs: 500, updatedAtMs: 10, timeout: true }, { startsAtMs: 5, endsAtMs: 300, updatedAtMs: 20 }, { endsAtMs: 300 })
  merged('takes the later end of two resolved ones', { startsAtMs: 0, endsAtMs: 60, updatedAtMs: 10 }, { startsAtMs: 5, endsAtMs: 40, updatedAtMs: 100 }, { startsAtMs: 0, endsAtMs: 60 })
  merged('takes annotations and timeout from the younger', { endsAtMs: 500, annotations: [{ name: 'a', value: '1' }], updatedAtMs: 30 }, { startsAtMs: 5, endsAtMs: 300, updatedAtMs: 20, annotations: [] },
    { annotations: [{ name: 'a', value: '1' }] })
})

describe('compareForNotification', () => {
  it('orders by job, instance, then labels, a missing label last', () => {
    const sets: Record<string, string>[] = [{ x: '1' }, { job: 'b' }, { job: 'a' }, { job: 'a', instance: '2' }, { job: 'a', instance: '1', z: '1' }, { job: 'a', instance: '1' }, { a: '9' }]
    const sorted = sets.map((set) => alert({ set })).sort(compareForNotification)
    expect(sorted.map(({ labels }) => labels.map(({ name, value }) => `${name}${value}`).join())).toEqual(['instance1,joba', 'instance1,joba,z1', 'instance2,joba', 'joba', 'jobb', 'a9', 'x1'])
  })
})
