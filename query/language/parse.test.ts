import { describe, expect, it } from 'vitest'
import { QueryGenerator } from '../../test/differential/promql/queries.ts'
import { createRandom } from '../../test/helpers/random.ts'
import { QueryError } from '../queryError.ts'
import { PromqlGrammar } from './grammar.ts'
import { parseQuery } from './parse.ts'
import { expressionTree } from './parseTree.ts'
import { normalizedText, prettyText } from './print.ts'

const everything = new Set(['promql-experimental-functions', 'promql-binop-fill-modifiers', 'promql-extended-range-selectors'])

it('has a grammar without ambiguous or endless rules', () => {
  expect(() => new PromqlGrammar(true)).not.toThrow()
})

/** Matchers are printed in order. */
const inOrder = (key: string, value: unknown) => (key === 'matchers' ? (value as object[]).map((matcher) => JSON.stringify(matcher)).sort() : value) // a list in every tree
const tree = (text: string) => JSON.stringify(expressionTree(parseQuery(text, everything)), inOrder)

/** The text as one line again, which is the same tree; `written` where it is not the same. */
const reads = (text: string, written = text) =>
  it(`reads ${text}`, () => {
    expect(normalizedText(parseQuery(text, everything))).toBe(written)
    expect(tree(written)).toBe(tree(text))
    expect(tree(prettyText(parseQuery(text, everything)))).toBe(tree(text))
  })

describe('a tree', () => {
  const long = (i: number, length: number) => parseQuery(`{a="${i}${'-'.repeat(length)}"}`)

  it('is kept until others have been asked for since', () => {
    const first = parseQuery('kept')
    for (let i = 0; i < 900; i++) parseQuery(`kept + ${i}`)
    expect(parseQuery('kept')).toBe(first)
    for (let i = 0; i < 1_000; i++) parseQuery(`kept - ${i}`)
    expect(parseQuery('kept')).not.toBe(first)
  })

  it('is not kept beside many long ones, nor a very long one at all', () => {
    const first = parseQuery('kept')
    expect(long(0, 200_000)).not.toBe(long(0, 200_000))
    expect(parseQuery('kept')).toBe(first)
    for (let i = 0; i < 15; i++) expect(long(i, 80_000)).toBe(long(i, 80_000))
    expect(parseQuery('kept')).not.toBe(first)
  })
})

describe('parseQuery', () => {
  describe('numbers and strings', () => {
    reads('42')
    reads('+42', '42')
    reads('.25', '0.25')
    reads('70.', '70')
    reads('25e-1', '2.5')
    reads('0xb4', '180')
    reads('12_345', '12345')
    reads('017', '15')
    reads('0_2_1', '17')
    reads('081', '81')
    reads('inf', '+Inf')
    reads('-INF', '-Inf')
    reads('nan', 'NaN')
    reads('40s')
    reads('2d6h', '2d6h')
    reads('-40s')
    reads("'one o\\'clock'", '"one o\'clock"')
    reads('"\\x6b\\155\\u00fc\\n"', '"kmü\\n"')
    reads('`no\\break`', '"no\\\\break"')
  })

  describe('selectors', () => {
    reads('up')
    reads('a:b:c')
    reads('up{job="x"}')
    reads('up{job="x",}', 'up{job="x"}')
    reads('{__name__="up"}', '{__name__="up"}')
    reads('{"up"}', '{__name__="up"}')
    reads('{"oven.heat"}', '{__name__="oven.heat"}')
    reads('{"oven.heat", "which oven"="v"}', '{"which oven"="v",__name__="oven.heat"}')
    reads('sum by ("a.b") (up)')
    reads('sum')
    reads('offset')
    reads('by')
    reads('start')
    reads('fill')
    reads('step + range', 'step + range')
    reads('and{by="x"}', 'and{by="x"}')
    reads('up offset 5m')
    reads('up offset -1h')
    reads('up offset 300', 'up offset 5m')
    reads('up @ 1.5', 'up @ 1.500')
    reads('up @ -1', 'up @ -1.000')
    reads('up @ start() offset 1m')
    reads('up offset 1m @ end()', 'up @ end() offset 1m')
    reads('up[5m]')
    reads('up[300]', 'up[5m]')
    reads('up[1.5]', 'up[1s500ms]')
    reads('up[5m] offset 1w', 'up[5m] offset 1w')
    reads('up[5m:]', 'up[5m:]')
    reads('up[5m:1m] @ 0', 'up[5m:1m] @ 0.000')
    reads('rate(up[1m])[5m:1m]')
    reads('up[5m + 1m]')
    reads('up[step() * 2]')
    reads('up[max_of(step(), 5m)]')
    reads('up[5m:min_of(1m, step())]')
    reads('up offset (1m + 1m)')
    reads('up offset -step()')
    reads('up offset 5m + 1')
    reads('rate(up[5m] anchored)')
    reads('up smoothed')
  })

  describe('operators', () => {
    reads('-2 ^ 2')
    reads('2 ^ -1')
    reads('Inf ^ 2')
    reads('+Inf ^ 2', '+Inf ^ 2')
    reads('x{}', 'x')
    reads('1 + -2 * 3')
    reads('a AND b', 'a and b')
    reads('a == bool 1')
    reads('a + on (x) b')
    reads('a + on(x) group_left(y) b', 'a + on (x) group_left (y) b')
    reads('a + ignoring () b', 'a + b')
    reads('1 + ignoring () b', '1 + b')
    reads('a + on () group_left () scalar(b)', 'a + scalar(b)')
    reads('a + fill(0) b', 'a + fill (0) b')
    reads('a + on (x) fill_left(1) fill_right(-2) b', 'a + on (x) fill_left (1) fill_right (-2) b')
    reads('a </ 5')
    reads('a >/ 5')
    reads('a atan2 b')
    it('nests by precedence', () => {
      const nested = (text: string) => {
        const expr = parseQuery(text)
        return expr.kind === 'binaryExpr' ? `${normalizedText(expr.lhs)} | ${expr.op} | ${normalizedText(expr.rhs)}` : expr.kind
      }
      expect(nested('a or b and c')).toBe('a | or | b and c')
      expect(nested('a == b + c')).toBe('a | == | b + c')
      expect(nested('a + b * c')).toBe('a | + | b * c')
      expect(nested('a - b - c')).toBe('a - b | - | c')
      expect(nested('a ^ b ^ c')).toBe('a | ^ | b ^ c')
      expect(nested('-a ^ b')).toBe('unaryExpr')
      expect(nested('-a * b')).toBe('-a | * | b')
      expect(nested('a atan2 b * c')).toBe('a atan2 b | * | c')
      expect(nested('a unless b and c')).toBe('a unless b | and | c')
    })
  })

  describe('aggregations and calls', () => {
    reads('sum(a)')
    reads('SUM(a) BY (x)', 'sum by (x) (a)')
    reads('sum without (x,) (a)', 'sum without (x) (a)')
    reads('topk(3, a) by (x, y)', 'topk by (x, y) (3, a)')
    reads('count_values("v", a)')
    reads('sum by (by, sum, on, inf) (a)')
    reads('START() + Min_Of(Step(), RANGE())', 'start() + min_of(step(), range())')
  })
})

describe('parse errors', () => {
  /** `message` is everything after `parse error: ` with the position before it. */
  const refuses = (text: string, ...messages: readonly string[]) =>
    it(`refuses ${JSON.stringify(text)}`, () => {
      const lines = messages.map((message) => message.replace(/^(\d+:\d+) /, '$1: parse error: '))
      let found = ''
      try {
        parseQuery(text)
      } catch (error) {
        found = error instanceof Error ? error.message : ''
      }
      expect(found.split('\n')).toEqual(lines)
    })

  describe('of characters', () => {
    refuses('', '1:1 no expression found in input')
    refuses('# only a comment', '1:1 no expression found in input')
    refuses('a $ b', "1:3 unexpected character: '$'")
    refuses('a ! b', "1:3 unexpected character after '!': ' '")
    refuses('!', "1:1 unexpected character after '!': '\ufffd'")
    refuses('a =~ b', "1:3 unexpected character after '=': '~'")
    refuses('a{b', '1:4 unexpected end of input inside braces')
    refuses('a{b="c"', '1:8 unexpected end of input inside braces')
    refuses('a{b!"c"}', "1:4 unexpected character after '!' inside braces: '\"'")
    refuses('a{{', "1:3 unexpected left brace '{'")
    refuses('a{%}', "1:3 unexpected character inside braces: '%'")
    refuses('(a', '1:3 unclosed left parenthesis')
    refuses('a)', "1:3 unexpected right parenthesis ')'")
    refuses('a[5m', '1:5 unexpected end of input in duration expression')
    refuses('a[5m:[', "1:6 unexpected character in duration expression: '['")
    refuses('a[soon]', "1:3 unexpected character in duration expression: 's'")
    refuses('a[:5m]', '1:4 unexpected colon before duration in duration expression')
    refuses('a[5m:1m:]', '1:9 unexpected repeated colon in duration expression')
    refuses('a]', "1:2 unexpected right bracket ']'")
    refuses('"a', '1:1 unterminated quoted string')
    refuses('"a\\q"', "1:1 unknown escape sequence U+0071 'q'")
    refuses('"a\\q', "1:1 unknown escape sequence U+0071 'q'")
    refuses('"a\\', '1:1 escape sequence not terminated')
    refuses("'\\xzz'", "1:1 illegal character U+007A 'z' in escape sequence")
    refuses('`a', '1:1 unterminated raw string')
    refuses('"a\ufffd"', '1:1 invalid UTF-8 rune')
    refuses('m{a=`\ufffd`}', '1:5 invalid UTF-8 rune')
    refuses("'\\q\ufffd'", "1:1 unknown escape sequence U+0071 'q'")
    refuses("'\ufffd\\q'", '1:1 invalid UTF-8 rune')
    refuses('"\ufffd', '1:1 invalid UTF-8 rune')
    refuses('1.2.3', '1:4 unexpected number ".3"')
    refuses('5mm', '1:1 bad number or duration syntax: "5mm"')
    refuses('a\n+ é', "2:3 unexpected character: 'é'")
    refuses('"é" + é', "1:8 unexpected character: 'é'")
  })

  describe('of syntax', () => {
    refuses('a b', '1:3 unexpected identifier "b"')
    refuses('a +', '1:4 unexpected end of input')
    refuses('a + * b', '1:5 unexpected <op:*>')
    refuses('a AND', '1:6 unexpected end of input')
    refuses('a BY (b)', '1:3 unexpected <BY>')
    refuses('(a) end', '1:5 unexpected "end"')
    refuses('a "the ovens are hot"', '1:3 unexpected string "\\"the ovens"...')
    refuses('sum(', '1:5 unclosed left parenthesis')
    refuses('sum(a', '1:6 unclosed left parenthesis')
    refuses('sum(a] + 1', "1:6 unexpected right bracket ']'")
    refuses('sum(+)', '1:6 unexpected ")" in aggregation')
    refuses('sum by a (b)', '1:8 unexpected identifier "a" in grouping opts, expected "("')
    refuses('sum by (a b) (c)', '1:11 unexpected identifier "b" in grouping opts, expected "," or ")"')
    refuses('sum by (on b) (c)', '1:12 unexpected identifier "b" in grouping opts, expected "," or ")"')
    refuses('sum by (1) (c)', '1:9 unexpected number "1" in grouping opts, expected label')
    refuses('abs(a,)', '1:6 trailing commas not allowed in function call args')
    refuses('abs(a, , b)', '1:6 trailing commas not allowed in function call args')
    refuses('a{b}', '1:4 unexpected "}" in label matching, expected label matching operator')
    refuses('a{b=1}', "1:5 unexpected character inside braces: '1'")
    refuses('a{b=c}', '1:5 unexpected identifier "c" in label matching, expected string')
    refuses('a{b="c" d="e"}', '1:9 unexpected identifier "d" in label matching, expected "," or "}"')
    refuses('a{,}', '1:3 unexpected "," in label matching, expected identifier or "}"')
    refuses('a offset b', '1:10 unexpected identifier "b" in offset, expected number, duration, step(), or range()')
    refuses('a @ b', '1:5 unexpected identifier "b" in @, expected timestamp')
    refuses('a[]', '1:3 unexpected "]" in subquery or range selector, expected number, duration, step(), or range()')
    refuses('a[5m 1m]', '1:6 unexpected duration "1m" in subquery or range, expected ":" or "]"')
    refuses('a[1h1h]', '1:3 not a valid duration string: "1h1h"')
    refuses('a[1m1h]', '1:3 not a valid duration string: "1m1h"')
  })

  describe('of meaning', () => {
    refuses('bake(a)', '1:1 unknown function with name "bake"')
    refuses('ABS(a)', '1:1 unknown function with name "ABS"')
    refuses('a{b=~"("}', '1:3 error parsing regexp: missing closing ): `^(?s:()$`')
    refuses('{}', '1:1 vector selector must contain at least one non-empty matcher')
    refuses('{a=""}', '1:1 vector selector must contain at least one non-empty matcher')
    refuses('{a=~".*"}', '1:1 vector selector must contain at least one non-empty matcher')
    refuses('a{__name__="b"}', '1:1 metric name must not be set twice: "a" or "b"')
    refuses('{"a", "b"}', '1:1 metric name must not be set twice: "a" or "b"')
    refuses('(a + b)[5m]', '1:8 ranges only allowed for vector selectors')
    refuses('a offset 1m[5m]', '1:12 no offset modifiers allowed before range')
    refuses('a @ 1 [5m]', '1:7 no @ modifiers allowed before range')
    refuses('a offset 1m offset 1m', '1:1 offset may not be set multiple times')
    refuses('a @ 1 @ 2', '1:1 @ <timestamp> may not be set multiple times')
    refuses('1 offset 1m', '1:1 offset modifier must be preceded by an instant vector selector or range vector selector or a subquery')
    refuses('sum(a) @ 1', '1:1 @ modifier must be preceded by an instant vector selector or range vector selector or a subquery')
    refuses('a @ inf', '1:1 timestamp out of bounds for @ modifier: +Inf')
    refuses('a[0s]', '1:3 duration must be greater than 0')
    refuses('a[-5m]', '1:3 duration must be greater than 0')
    refuses('a[5m:0s]', '1:6 duration must be greater than 0')
    refuses('a[5m][5m:]', '1:1 subquery is only allowed on instant vector, got matrix instead')
    refuses('sum()', '1:1 no arguments for aggregate expression provided')
    refuses('topk(a)', '1:1 wrong number of arguments for aggregate expression provided, expected 2, got 1')
    refuses('topk(a, b)', '1:6 expected type scalar in aggregation parameter, got instant vector')
    refuses('count_values(1, b)', '1:14 expected type string in aggregation parameter, got scalar')
    refuses('sum(a[5m])', '1:5 expected type instant vector in aggregation expression, got range vector')
    refuses('rate(a)', '1:6 expected type range vector in call to function "rate", got instant vector')
    refuses('rate(a[5m], 1)', '1:1 expected 1 argument(s) in call to "rate", got 2')
    refuses('label_join(a, "b")', '1:1 expected at least 3 argument(s) in call to "label_join", got 2')
    refuses('round(a, 1, 2)', '1:1 expected at most 2 argument(s) in call to "round", got 3')
    refuses('3 >= 4', '1:3 comparisons between scalars must use BOOL modifier')
    refuses('a + bool b', '1:3 bool modifier can only be used on comparison operators')
    refuses('1 and a', '1:1 set operator "and" not allowed in binary scalar expression')
    refuses('"a" + 1', '1:1 binary expression must contain only scalar and instant vector types')
    refuses('a + on (x) 1', '1:1 vector matching only allowed between instant vectors')
    refuses('a or on (x) group_left (y) b', '1:1 no grouping allowed for "or" operation')
    refuses('a + on (x) group_left (x) b', '1:3 label "x" must not occur in ON and GROUP clause at once')
    refuses('-"a"', '1:1 unary expression only allowed on expressions of type scalar or instant vector, got "string"')
    refuses('rate(a[5m:1m]) + rate(b)', '1:23 expected type range vector in call to function "rate", got instant vector')
    refuses('rate(a) + rate(b)',
      '1:6 expected type range vector in call to function "rate", got instant vector',
      '1:16 expected type range vector in call to function "rate", got instant vector')
    refuses('info(a, b)', '1:1 function "info" is not enabled: it is experimental and needs --enable-feature=promql-experimental-functions')
  })
})

describe('queries with random changes', () => {
  const random = createRandom()
  const pieces = [
    '(', ')', '{', '}', '[', ']', ',', ':', '+', '-', '*', '^', '==', '=~', '=', '!', '</', 'by', 'without', 'on', 'ignoring', 'group_left', 'offset', '@', 'bool', 'and',
    'fill', 'fill_left(1)', 'sum', 'topk', 'rate', 'info', 'g', '5m', '1', '0x', '1e', '1_0', '"s"', "'t", '`r`', '"\\q"', '\\', 'start()', 'end()', 'step()', 'range()', 'min_of(1m,2m)',
    'Inf', 'NaN', 'atan2', '1m30', '~', '$', '#c', '.', 'é', '😀', '\n', 'anchored', 'smoothed', 'limitk', '[5m:]', '[5m]', '{a="b"}', '{"x y"}', 'offset -1m', '@ 1', ';', '\0',
  ]
  const changed = (text: string): string => {
    const tokens = text.match(/"[^"]*"|[\w.]+|\s+|[^\w\s]/g) ?? []
    for (let i = 0; i <= random.below(3); i++) tokens.splice(random.below(tokens.length), random.below(2), ...(random.below(4) === 0 ? [] : [` ${random.pick(pieces)} `]))
    return tokens.join('')
  }

  it(`are read, and read again from their printed form, or refused with a position (seed ${random.seed})`, () => {
    const generator = new QueryGenerator(random)
    for (let i = 0; i < 1500; i++) {
      const text = changed(generator.next().text)
      let line: string
      try {
        line = normalizedText(parseQuery(text, everything))
      } catch (error) {
        expect(error, text).toBeInstanceOf(QueryError)
        for (const message of (error as QueryError).message.split(/\n(?=\d+:\d+: )/)) expect(message, text).toMatch(/^\d+:\d+: parse error: ./)
        continue
      }
      expect(tree(line), `${text}\n${line}`).toBe(tree(text))
    }
  })
})

describe('printing', () => {
  const random = createRandom()
  const count = 1000

  it(`gives the same tree when read again, for ${count} random queries (seed ${random.seed})`, () => {
    const generator = new QueryGenerator(random)
    for (let i = 0; i < count; i++) {
      const { text } = generator.next()
      const line = normalizedText(parseQuery(text, everything))
      const lines = prettyText(parseQuery(text, everything))
      expect(tree(line), `${text}\n${line}`).toBe(tree(text))
      expect(tree(lines), `${text}\n${lines}`).toBe(tree(text))
      expect(normalizedText(parseQuery(line, everything)), text).toBe(line)
      expect(prettyText(parseQuery(lines, everything)), text).toBe(lines)
    }
  })
})

describe('what takes long', () => {
  it('is refused when the text is longer than a megabyte', () => {
    expect(() => parseQuery(`1${' '.repeat(1024 * 1024)}`)).toThrow('a query of 1048577 characters is too long, there may be 1048576')
    expect(() => parseQuery(`1${' '.repeat(1024 * 1024 - 1)}`)).not.toThrow()
  })

  it('is refused when it is a very long regular expression, unless that is plain alternatives', () => {
    expect(() => parseQuery(`up{a=~"${'(a)'.repeat(40_000)}"}`)).toThrow('1:4: parse error: error parsing regexp: expression too large: 120000 characters, there may be 100000')
    expect(() => parseQuery(`up{a=~"${String.raw`10\\.1|`.repeat(40_000)}"}`)).not.toThrow()
  })

  it('stops at the first character that cannot be read', () => {
    const startedMs = performance.now()
    expect(() => parseQuery('$'.repeat(1_000_000))).toThrow("1:1: parse error: unexpected character: '$'")
    expect(performance.now() - startedMs).toBeLessThan(1_000) // Looking for the next one that can be took four seconds.
  })

  it('lists the first ten mistakes, not each of many', () => {
    for (const mistake of ['{a=~"("}', '("a" + 1)']) expect(() => parseQuery(Array(2_000).fill(mistake).join(' + '))).toThrow(/^(\d+:\d+: parse error: [^\n]+\n){9}\d+:\d+: parse error: [^\n]+$/)
  })

  const ends = (name: string, text: string) =>
    it(`ends when it is told to: ${name}`, () => {
      let looks = 0
      const parse = () =>
        parseQuery(text, everything, () => {
          if (++looks === 10) throw new QueryError('timeout', 'over')
        })
      expect(parse).toThrow('over')
    })
  ends('a row', Array(5_000).fill('1 + (2 * 3 - 4)').join(' or '))
  ends('arguments', `label_join(up, ${Array(20_000).fill('"a"').join()})`)
  ends('conditions', `up{${Array(20_000).fill('a="b"').join()}}`)
  ends('regular expressions', `up{${Array(10).fill('a=~"b.c"').join()}}`)
  ends('modifiers', `up${' offset 1m'.repeat(20_000)}`)
})
