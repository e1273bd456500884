import { describe, expect, it } from 'vitest'
import { labelsFrom } from '../../storage/model/labels.ts'
import { checkMatchers, compileRawMatchers, createAlertMatcher, formatMatchers, matchesAll, parseMatcher, parseMatchers, type MatcherMode } from './matchers.ts'

const short = (text: string, mode: MatcherMode) => parseMatchers(text, mode).matchers.map(({ name, op, value }) => `${name}|${op}|${value}`)

describe('parseMatchers', () => {
  const reads = (mode: MatcherMode, text: string, expected: readonly string[]) => it(`${mode} reads ${text}`, () => expect(short(text, mode)).toEqual(expected))
  const rejects = (mode: MatcherMode, text: string, message: string | RegExp) => it(`${mode} rejects ${text}`, () => expect(() => parseMatchers(text, mode)).toThrow(message))

  reads('utf8', '', [])
  reads('utf8', '{}', [])
  reads('utf8', '{foo=bar,}', ['foo|=|bar'])
  reads('utf8', 'foo=bar, baz!~"x,y"', ['foo|=|bar', 'baz|!~|x,y'])
  reads('utf8', 'foo=~[a-z]+.*', ['foo|=~|[a-z]+.*'])
  reads('utf8', '"foo bar"="a\\tb\\u00e9\\"🙂"', ['foo bar|=|a\tbé"🙂'])
  reads('utf8', 'näme=wért', ['näme|=|wért'])
  rejects('utf8', 'foo=', 'expected label value')
  rejects('utf8', 'foo=a b', 'expected a comma')
  rejects('utf8', 'foo=a\\d', 'invalid input')
  rejects('utf8', "foo='x'", 'invalid input')
  rejects('utf8', '{foo=bar', 'expected close brace')
  rejects('utf8', 'foo=bar}', 'expected opening brace')
  rejects('utf8', ',foo=bar', 'expected label name')
  rejects('utf8', 'foo=bar,,', 'expected label name')
  rejects('utf8', 'foo="\\xff"', 'invalid UTF-8')
  rejects('utf8', 'foo=~"["', /missing closing|error parsing/)

  reads('classic', '{foo="bar", baz=~"a,b"}', ['foo|=|bar', 'baz|=~|a,b'])
  reads('classic', 'foo=bar}', ['foo|=|bar'])
  reads('classic', 'foo=', ['foo|=|'])
  reads('classic', 'foo=a b', ['foo|=|a b'])
  reads('classic', 'foo="a\\nb\\\\c\\"d\\q"', ['foo|=|a\nb\\c"d\\q'])
  reads('classic', "foo='x'", ["foo|=|'x'"])
  reads('classic', 'foo=x\\', ['foo|=|x\\'])
  rejects('classic', 'foo="x', 'matcher value contains unescaped double quote: "x')
  rejects('classic', 'foo=x"y', 'matcher value contains unescaped double quote: x"y')
  rejects('classic', 'foo bar', 'bad matcher format: foo bar')
  rejects('classic', 'näme=x', 'bad matcher format: näme=x')

  reads('fallback', 'näme=x', ['näme|=|x'])
  reads('fallback', 'foo=', ['foo|=|'])
  reads('fallback', 'foo="a\\tb"', ['foo|=|a\\tb']) // they disagree, and the classic one is followed
  rejects('fallback', 'foo bar', 'bad matcher format: foo bar')

  it('warns where only the classic parser can read, and where the two disagree', () => {
    expect(parseMatchers('foo=a b').warnings).toEqual([expect.stringContaining('foo="a b"')])
    expect(parseMatchers('foo="a\\tb"').warnings).toEqual([expect.stringContaining('different things')])
    expect(parseMatchers('foo="a b"').warnings).toEqual([])
  })
})

describe('parseMatcher', () => {
  it('takes one matcher without braces', () => {
    expect(parseMatcher('foo=bar').matchers).toEqual([{ name: 'foo', op: '=', value: 'bar' }])
    expect(() => parseMatcher('{foo=bar}')).toThrow('unexpected open or close brace: {foo=bar}')
    expect(parseMatcher('foo=a,b=c').matchers).toEqual([{ name: 'foo', op: '=', value: 'a,b=c' }]) // as the classic parser reads it
    expect(() => parseMatcher('')).toThrow('bad matcher format: ')
  })
})

describe('matchers', () => {
  it('are anchored and take a missing label as empty', () => {
    const passes = (text: string, set: Record<string, string>) => matchesAll(parseMatchers(text).matchers.map(createAlertMatcher), labelsFrom(set))
    expect(passes('a=~b', { a: 'abc' })).toBe(false)
    expect(passes('a=~".*b.*"', { a: 'abc' })).toBe(true)
    expect(passes('a=""', {})).toBe(true)
    expect(passes('a!~".+"', {})).toBe(true)
    expect(passes('a!=x', {})).toBe(true)
    expect(passes('a=~"x|"', {})).toBe(true)
    expect(passes('a=~"b.c"', { a: 'b\nc' })).toBe(false)
  })

  it('print sorted by name, value and kind', () => {
    const { matchers } = parseMatchers('b=x, a=~y, a="q\\"", a!="x y", "c d"=z')
    expect(formatMatchers(matchers)).toBe('{a="q\\"",a!="x y",a=~"y",b="x","c d"="z"}')
  })

  it('of the deprecated maps are anchored in their text too', () => {
    const position = { file: '', line: 1, column: 1 }
    const [matcher] = compileRawMatchers([{ kind: 'regex', name: 'a', value: 'b|c', position }])
    expect(matcher?.matches('bc')).toBe(false)
    expect(matcher?.matches('c')).toBe(true)
    expect(() => checkMatchers({ kind: 'regex', name: 'a', value: '(', position })).toThrow()
    expect(checkMatchers({ kind: 'text', text: 'a="b"', position })).toEqual([])
  })
})
