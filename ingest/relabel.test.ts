import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { defaultRelabelConfig, type RelabelConfig } from '../src/base/config/relabelConfig.ts'
import { labelsFrom, labelsToObject } from '../storage/model/labels.ts'
import { createRandom } from '../test/helpers/random.ts'
import { compileRelabel, relabel, relabelSteps } from './relabel.ts'

type Given = Readonly<Record<string, string>>
const rule = (over: Partial<RelabelConfig>): RelabelConfig => ({ ...defaultRelabelConfig, ...over })

function run(input: Given, ...rules: Partial<RelabelConfig>[]): Given | undefined {
  const output = relabel(labelsFrom(input), compileRelabel(rules.map(rule)))
  return output && labelsToObject(output)
}

describe('relabel', () => {
  const gives = (claim: string, input: Given, rules: Partial<RelabelConfig>[], output: Given | undefined) =>
    it(claim, () => expect(run(input, ...rules)).toEqual(output))

  gives('replaces with groups', { a: 'foo', b: 'bar', c: 'baz' },
    [{ sourceLabels: ['a'], targetLabel: 'd', regex: 'f(.*)', replacement: 'ch${1}-ch${1}' }],
    { a: 'foo', b: 'bar', c: 'baz', d: 'choo-choo' })
  gives('joins source labels and uses the result of the rule before', { a: 'foo', b: 'bar', c: 'baz' },
    [{ sourceLabels: ['a', 'b'], targetLabel: 'a', regex: 'f(.*);(.*)r', replacement: 'b${1}${2}m' },
      { sourceLabels: ['c', 'a'], targetLabel: 'd', regex: '(b).*b(.*)ba(.*)', replacement: '$1$2$2$3' }],
    { a: 'boobam', b: 'bar', c: 'baz', d: 'boooom' })
  gives('leaves the set alone without a match', { a: 'foo' },
    [{ sourceLabels: ['a'], targetLabel: 'b', regex: 'bar', replacement: 'x' }], { a: 'foo' })
  gives('anchors at both ends', { a: 'xfoox' }, [{ sourceLabels: ['a'], action: 'drop', regex: 'foo' }], { a: 'xfoox' })
  gives('lets the dot match a newline', { a: 'x\ny' }, [{ sourceLabels: ['a'], action: 'drop', regex: 'x.y' }], undefined)
  gives('sets a constant label without source labels', { a: 'x' }, [{ targetLabel: 'env', replacement: 'prod' }], { a: 'x', env: 'prod' })
  gives('deletes a label that becomes empty', { a: 'x', b: 'y' }, [{ targetLabel: 'b', replacement: '' }], { a: 'x' })
  gives('takes a missing source label as empty', { a: 'x' }, [{ sourceLabels: ['no'], action: 'drop', regex: '' }], undefined)
  gives('keeps on a match', { a: 'x' }, [{ sourceLabels: ['a'], action: 'keep', regex: 'x|y' }], { a: 'x' })
  gives('drops without a match on keep', { a: 'z' }, [{ sourceLabels: ['a'], action: 'keep', regex: 'x|y' }], undefined)
  gives('keepequal keeps equal', { a: 'x', b: 'x' }, [{ sourceLabels: ['a'], targetLabel: 'b', action: 'keepequal' }], { a: 'x', b: 'x' })
  gives('keepequal drops unequal', { a: 'x', b: 'y' }, [{ sourceLabels: ['a'], targetLabel: 'b', action: 'keepequal' }], undefined)
  gives('dropequal drops equal', { a: 'x', b: 'x' }, [{ sourceLabels: ['a'], targetLabel: 'b', action: 'dropequal' }], undefined)
  gives('takes $1x as the group named 1x', { a: 'foo' }, [{ sourceLabels: ['a'], targetLabel: 'b', replacement: '$1x' }], { a: 'foo' })
  gives('reads named groups and $$', { a: 'foo-7' },
    [{ sourceLabels: ['a'], targetLabel: 'b', regex: '(?P<word>[a-z]+)-(?P<n>.)', replacement: '$$${word}$n$9' }], { a: 'foo-7', b: '$foo7' })
  gives('keeps a dollar sign that begins no reference', { a: 'v' }, [{ sourceLabels: ['a'], targetLabel: 'b', replacement: '$-${-$1$' }], { a: 'v', b: '$-${-v$' })
  gives('expands the target label', { a: 'some-name-value' },
    [{ sourceLabels: ['a'], regex: 'some-([^-]+)-([^,]+)', replacement: '${2}', targetLabel: '${1}' }], { a: 'some-name-value', name: 'value' })
  gives('skips a rule whose target label expands to nothing', { a: 'x' }, [{ sourceLabels: ['a'], targetLabel: '${3}', replacement: 'y' }], { a: 'x' })
  gives('skips a rule whose target label is no legacy name', { a: 'x-y' },
    [{ sourceLabels: ['a'], targetLabel: '$1', replacement: 'z', nameValidation: 'legacy' }], { a: 'x-y' })
  gives('maps labels by name', { a: 'foo', b1: 'bar', b2: 'baz' }, [{ action: 'labelmap', regex: '(b.*)', replacement: 'bar_${1}' }],
    { a: 'foo', b1: 'bar', b2: 'baz', bar_b1: 'bar', bar_b2: 'baz' })
  gives('lets the later label win when two map to one name', { m_1: 'x', m_2: 'y' }, [{ action: 'labelmap', regex: 'm_.', replacement: 'm' }],
    { m_1: 'x', m_2: 'y', m: 'y' })
  gives('maps the names of before the rule', { __meta_my_bar: 'aaa', __meta_my_baz: 'bbb' },
    [{ action: 'labelmap', regex: '__meta_(my.*)', replacement: '${1}' }],
    { __meta_my_bar: 'aaa', __meta_my_baz: 'bbb', my_bar: 'aaa', my_baz: 'bbb' })
  gives('drops labels by name', { a: '1', b1: '2', b2: '3' }, [{ action: 'labeldrop', regex: 'b.' }], { a: '1' })
  gives('keeps labels by name', { a: '1', b1: '2', b2: '3' }, [{ action: 'labelkeep', regex: 'b.' }], { b1: '2', b2: '3' })
  gives('lowers case character by character', { a: 'ÀİΣß' }, [{ sourceLabels: ['a'], targetLabel: 'b', action: 'lowercase' }], { a: 'ÀİΣß', b: 'àiσß' })
  gives('raises case character by character', { a: 'straßeᾳ' }, [{ sourceLabels: ['a'], targetLabel: 'b', action: 'uppercase' }], { a: 'straßeᾳ', b: 'STRAßEᾼ' })
  gives('hashes as Prometheus does', { c: 'baz' }, [{ sourceLabels: ['c'], targetLabel: 'd', action: 'hashmod', modulus: 1000n }], { c: 'baz', d: '976' })
  gives('hashes UTF-8', { a: 'foo\nbar' }, [{ sourceLabels: ['a'], targetLabel: 'b', action: 'hashmod', modulus: 1000n }], { a: 'foo\nbar', b: '734' })
  gives('takes null groups as empty', { a: 'b' }, [{ sourceLabels: ['a'], regex: '(a)|b', targetLabel: 'c', replacement: '[$1]' }], { a: 'b', c: '[]' })
  gives('can name the source series', { __name__: 'x', 'my.label': 'v' }, [{ sourceLabels: ['my.label'], targetLabel: 'ünï', replacement: '$1' }],
    { __name__: 'x', 'my.label': 'v', ünï: 'v' })

  it('does not change its input', () => {
    const input = Object.freeze(labelsFrom({ a: '1' }))
    relabel(input, compileRelabel([rule({ targetLabel: 'a', replacement: '2' })]))
    expect(labelsToObject(input)).toEqual({ a: '1' })
  })

  it('spreads by hash like MD5 says, for any value', () => {
    const { seed, below } = createRandom()
    for (let i = 0; i < 200; i++) {
      const value = String.fromCodePoint(...Array.from({ length: 1 + below(8) }, () => 32 + below(2000)))
      const modulus = BigInt(1 + below(10_000))
      const hex = createHash('md5').update(value).digest('hex').slice(16)
      const output = run({ a: value }, { sourceLabels: ['a'], targetLabel: 'b', action: 'hashmod', modulus })
      expect(output, `seed ${seed}`).toEqual({ a: value, b: String(BigInt(`0x${hex}`) % modulus) })
    }
  })
})

describe('relabelSteps', () => {
  it('ends at the rule that drops', () => {
    const rules = compileRelabel([
      rule({ targetLabel: 'b', replacement: '1' }),
      rule({ action: 'drop', sourceLabels: ['b'], regex: '1' }),
      rule({ targetLabel: 'c', replacement: '1' }),
    ])
    const steps = relabelSteps(labelsFrom({ a: '1' }), rules)
    expect(steps.map((step) => [step.keep, labelsToObject(step.output)])).toEqual([[true, { a: '1', b: '1' }], [false, {}]])
  })
})
