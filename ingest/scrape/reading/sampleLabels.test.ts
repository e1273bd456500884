import { describe, expect, it } from 'vitest'
import { type Label, labelsFrom, labelsToObject } from '../../../storage/model/labels.ts'
import { compileRelabel } from '../../relabel.ts'
import { sampleLabels } from './sampleLabels.ts'

const job = { honorLabels: false, nameValidationScheme: 'utf8' as const, labelLimit: 0, labelNameLengthLimit: 0, labelValueLengthLimit: 0 }
const target = labelsFrom({ instance: 'h:1', job: 'j' })
const noRules = compileRelabel([])
const list = (exposed: Record<string, string>): Label[] => Object.entries(exposed).map(([name, value]) => ({ name, value }))
const run = (exposed: Record<string, string>, settings: Partial<typeof job> | { nameValidationScheme: 'legacy' } = {}, labels = target) => {
  const result = sampleLabels(list(exposed), labels, { ...job, ...settings }, noRules)
  return result && labelsToObject(result)
}

describe('sampleLabels', () => {
  it('adds target labels', () => expect(run({ __name__: 'a', x: 'y' })).toEqual({ __name__: 'a', instance: 'h:1', job: 'j', x: 'y' }))
  it('renames exposed labels that conflict', () =>
    expect(run({ __name__: 'a', job: 'mine', instance: '' })).toEqual({ __name__: 'a', instance: 'h:1', job: 'j', exported_job: 'mine' }))
  it('repeats the prefix until the name is free, shortest name first', () =>
    expect(run({ __name__: 'a', exported_job: 'e', job: 'mine' }, {}, labelsFrom({ job: 'j', exported_job: 't' }))).toEqual({
      __name__: 'a', job: 'j', exported_job: 't', exported_exported_job: 'mine', exported_exported_exported_job: 'e',
    }))
  it('keeps exposed labels when they are honored, empty ones too', () =>
    expect(run({ __name__: 'a', job: 'mine', instance: '' }, { honorLabels: true })).toEqual({ __name__: 'a', job: 'mine' }))
  it('drops what relabelling drops', () => {
    const rules = compileRelabel([{ action: 'drop', sourceLabels: ['__name__'], separator: ';', regex: 'a', modulus: 0n, targetLabel: '', replacement: '$1', nameValidation: 'utf8' }])
    expect(sampleLabels(list({ __name__: 'a' }), target, job, rules)).toBeUndefined()
  })

  const refuses = (message: string, exposed: Record<string, string>, settings: Parameters<typeof run>[1] = {}) =>
    it(`refuses: ${message}`, () => expect(() => run(exposed, settings)).toThrow(message))
  refuses('missing metric name (__name__ label)', { __name__: '' })
  refuses('invalid metric name or label names: a.b{instance="h:1", job="j"}', { __name__: 'a.b' }, { nameValidationScheme: 'legacy' })
  refuses('label_limit exceeded (metric: a, number of labels: 4, limit: 3)', { __name__: 'a', x: 'y' }, { labelLimit: 3 })
  refuses('label_name_length_limit exceeded (metric: a, label name: __name__, length: 8, limit: 7)', { __name__: 'a' }, { labelNameLengthLimit: 7 })
  refuses('label_value_length_limit exceeded (metric: a, label name: x, value: "ünüüü", length: 9, limit: 8)', { __name__: 'a', x: 'ünüüü' }, { labelValueLengthLimit: 8 })
  it('refuses a label name twice', () =>
    expect(() => sampleLabels([...list({ __name__: 'a', x: '1' }), { name: 'x', value: '2' }], target, job, noRules)).toThrow('label name "x" is not unique: invalid sample'))
})
