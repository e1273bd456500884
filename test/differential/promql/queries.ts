// Random well-typed queries over the series of `data.ts`, for comparison with Prometheus 2.42. What it leaves out, because
// that version lacks it or the meaning changed since, is here and nowhere else:
//
// - rate and increase of anything that may come from zero: 3.x clamps the extrapolation at zero after the threshold, 2.x
//   before it. Counters here are negative throughout or far from zero.
// - equal boundaries: windows and lookback are left-open since 3.0. Samples are 137 ms after a second; queries, `@` and
//   steps at half seconds; steps of subqueries at full ones; a subquery in a subquery is offset by 250 ms.
// - comparison filters between vectors where one side may have two partners: 3.x refuses them before it filters.
// - stddev and stdvar of infinities: a group of one was 0 in 2.x, and is NaN now.
// - sums of what is rounded, averages around zero: 2.x adds without compensation, and averages by a running mean.
// - atan2 of named series: 2.x forgot to drop the name. And `offset 0s`, which was an error.
// - parameters that change from step to step over operands with `@`, and `@` in timestamp(): 2.x gets both wrong.
// - dates of NaN and infinities: in Go whatever the processor makes of them; and logarithms of subnormal numbers.
// - the sign of a sum, or of a least or greatest value, that is zero; subqueries without any step over what has an `@`, which gave one value all the same.
// - functions and aggregators that came later, numbers as durations and durations as numbers,
//   UTF-8 names, histograms that fall by a rounding error.
//
// Values that the two compute by different but equally good arithmetic may differ in the last digits. A query never lets
// such a difference grow: see `Accuracy`.

import type { Random } from '../../helpers/random.ts'
import { dataEndMs, dataStartMs } from './data.ts'

/**
 * What may be done with a value. `whole`: a multiple of 1/4 of modest size, adding is exact. `exact`: the same bits on both
 * servers, may be compared and rounded. `close`: equal to a few last digits, may be scaled and chosen from, no more.
 */
type Accuracy = 'whole' | 'exact' | 'close'

const order: readonly Accuracy[] = ['whole', 'exact', 'close']
const suffices = (has: Accuracy, needs: Accuracy) => order.indexOf(has) <= order.indexOf(needs)

export type RandomQuery = {
  readonly text: string
  readonly startMs: number
  readonly endMs: number
  /** 0 for an instant query. */
  readonly stepMs: number
  /** The order of the result is part of the answer. */
  readonly ordered: boolean
  /** Something was taken away or added: what counts is whether it is still a query. */
  readonly isDamaged?: true
}

const gauges = ['g', 'g2', 'm', 'one', 'some', 'u', 'k', 'g', 'm', 'some', 'u', 'c_total', 'p_total', 'h_bucket', 'nothing']

export class QueryGenerator {
  readonly #random: Random
  readonly #withErrors: boolean
  #subqueryDepth = 0
  /** Some of the range queries that were made. */
  readonly #ranges: (RandomQuery | undefined)[] = []

  /** `withErrors`: some of the queries are damaged, or have regular expressions that are not valid. */
  constructor(random: Random, { withErrors = false } = {}) {
    this.#random = random
    this.#withErrors = withErrors
  }

  next(): RandomQuery {
    const earlier = this.#chance(10) ? this.#ranges[this.#random.below(this.#ranges.length)] : undefined
    if (earlier !== undefined) return this.#shifted(earlier)
    const plain = this.#plainQuery()
    if (this.#withErrors && this.#chance(4)) return { ...plain, text: this.#damaged(plain.text), isDamaged: true }
    const query = this.#chance(10) ? { ...plain, text: this.#disguised(plain.text) } : plain
    if (query.stepMs > 0) this.#ranges[this.#random.below(50)] = query
    return query
  }

  /** A query from before over a range that overlaps the one it had, as dashboards ask. */
  #shifted(query: RandomQuery): RandomQuery {
    const shiftMs = query.stepMs * (this.#random.below(8) - 3)
    return { ...query, startMs: query.startMs + shiftMs, endMs: query.endMs + shiftMs + query.stepMs * this.#random.below(5) }
  }

  /** The same query with keywords in another case, with line breaks and comments. */
  #disguised(text: string): string {
    const words = /"[^"]*"|\b(?:by|without|on|ignoring|group_left|group_right|offset|bool|and|or|unless|atan2|sum|max|count|start|end)\b/gi
    return text
      .replace(words, (word) => (word.startsWith('"') || this.#chance(50) ? word : word.toUpperCase()))
      .replaceAll(/ (?=[^"]*(?:"[^"]*"[^"]*)*$)/g, () => this.#pick(' ', '  ', '\n', ' # text (\n', '\t'))
  }

  #damaged(text: string): string {
    const places = Array.from(text.matchAll(/[(){}[\],"=~!:@]|\b(?:by|on|bool|and|offset|sum|rate|g)\b/g), ({ 0: word, index }) => ({ word, index }))
    const { word, index } = this.#random.pick(places.length === 0 ? [{ word: '', index: 0 }] : places)
    const instead = this.#pick('', '', word + word, '(', ')', '}', '[', ',', '"', '=', 'by', ' bool ', ' 1 ', '{}', ' offset 1m', ' @ 0')
    return text.slice(0, index) + instead + text.slice(index + word.length)
  }

  #plainQuery(): RandomQuery {
    const isRange = this.#chance(50)
    const half = (ms: number) => Math.floor(ms / 1000) * 1000 + 500
    const startMs = half(dataStartMs - 100_000 + this.#random.below(dataEndMs - dataStartMs + 300_000))
    const stepMs = isRange ? 1000 * this.#random.pick([1, 7, 15, 30, 60, 61, 300, 1000, 3600]) : 0
    const endMs = startMs + stepMs * this.#random.below(30)
    const depth = 1 + this.#random.below(4)
    if (!isRange && this.#chance(1)) return { text: this.#pick('"text"', "'t\\'x\\u00e9'", '`raw \\n`'), startMs, endMs, stepMs, ordered: false }
    if (!isRange && this.#chance(4)) return { text: this.#matrix(depth, 'close'), startMs, endMs, stepMs, ordered: false }
    if (!isRange && this.#chance(5)) return { text: `${this.#pick('sort', 'sort_desc')}(${this.#vector(depth, 'exact')})`, startMs, endMs, stepMs, ordered: true }
    if (!isRange && this.#chance(5)) return { text: this.#topkOfDistinct(' '), startMs, endMs, stepMs, ordered: true }
    const text = this.#chance(8) ? this.#scalar(depth, 'close') : this.#vector(depth, 'close')
    return { text, startMs, endMs, stepMs, ordered: false }
  }

  #chance(percent: number): boolean {
    return this.#random.below(100) < percent
  }

  #pick<T>(...list: readonly T[]): T {
    return this.#random.pick(list)
  }

  /** One of the ways whose accuracy suffices, by weight. */
  #oneOf(needs: Accuracy, ways: readonly (readonly [weight: number, has: Accuracy, make: () => string])[]): string {
    const usable = ways.filter(([, has]) => suffices(has, needs))
    let ticket = this.#random.below(usable.reduce((sum, [weight]) => sum + weight, 0))
    for (const [weight, , make] of usable) {
      if (ticket < weight) return make()
      ticket -= weight
    }
    throw new Error('bug: no way to make an expression')
  }

  #vector(depth: number, needs: Accuracy): string {
    if (depth <= 0) return needs !== 'whole' && this.#chance(8) ? this.#odd() : this.#selector()
    const down = depth - 1
    return this.#oneOf(needs, [
      [10, 'whole', () => this.#selector()],
      [1, 'exact', () => this.#odd()],
      [3, 'exact', () => this.#chain()],
      [12, needs, () => this.#aggregation(down, needs)],
      [14, needs, () => this.#binary(down, needs)],
      [16, needs, () => this.#rangeCall(down, needs)],
      [14, needs, () => this.#call(down, needs)],
      [3, needs, () => `(${this.#vector(down, needs)})`],
      [3, needs, () => `${this.#pick('-', '+', '-', '- -')}${this.#chance(50) ? this.#vector(0, needs) : `(${this.#vector(down, needs)})`}`],
      [2, 'whole', () => this.#counterRange((range) => `count_over_time(${range})`)],
    ])
  }

  // Selectors

  #selector(): string {
    return `${this.#metric()}${this.#when()}`
  }

  /** Numbers of all sizes. */
  #odd(): string {
    return `x${this.#pick('', '', '{word="é"}', '{word=~"B\\\\sb|a\\\\\\\\b"}', '{word!~"\\\\w.*"}', "{word='a\\\\b'}")}${this.#when()}`
  }

  #metric(): string {
    if (this.#chance(5)) return `s${this.#matchers()}`
    if (this.#chance(3)) return this.#pick('{__name__="g"}', '{job="a",inst="1"}', '{inst=~"1|2",mode=""}', '{job=~"a|b",le="",__name__!~"[hu].*"}', '{__name__=~"[gmk]",__name__!="m"}', '{__name__="m",mode!~"x|"}')
    if (this.#chance(6)) return `{__name__=~"${this.#pick('g|g2', 'g2?', '[gm]', 'one|some', 'g|nothing', 'c_total|p_total', '.*_total')}"${this.#chance(40) ? `,job="${this.#job()}"` : ''}}`
    return `${this.#random.pick(gauges)}${this.#matchers()}`
  }

  #job(): string {
    return this.#pick('a', 'b', 'c', 'd')
  }

  #matchers(): string {
    if (this.#chance(65)) return ''
    const matchers = Array.from({ length: 1 + this.#random.below(2) }, () => {
      switch (this.#random.below(9)) {
        case 0:
          return `job=~"${this.#random.pick(this.#withErrors && this.#chance(10) ? badPatterns : jobPatterns)}"`
        case 1:
          return `inst!="${this.#random.below(4)}"`
        case 2:
          return `inst=~"${this.#pick('0|1', '[0-1]', '.', '', '2|', '\\\\d')}"`
        case 3:
          return `inst!~"${this.#pick('1', '1|2', '', '.+')}"`
        case 4:
          return `mode${this.#pick('=', '!=')}"${this.#pick('x', 'y', '')}"`
        case 5:
          return `zone${this.#pick('=""', '!=""', '=~".*"', '!~".+"', '=~".+"')}`
        default:
          return `job${this.#pick('=', '=', '!=')}"${this.#job()}"`
      }
    })
    return `{${matchers.join(',')}${this.#chance(5) ? ',' : ''}}`
  }

  /** `offset` and `@`, mostly none. */
  #when(): string {
    if (this.#chance(80)) return ''
    const offset = ` offset ${this.#pick('30s', '1m', '5m', '-1m', '-20s', '1m30s', '1h', '1001ms', '1d', '-1h0m5s')}`
    const at = ` @ ${this.#pick(`${(dataStartMs + 1000 * this.#random.below(2400)) / 1000 + 0.5}`, 'start()', 'end()', `${dataEndMs / 1000 - 100.5}`, '1.7000012005e9', '0.5', '-1.5')}`
    return this.#pick(offset, offset, at, offset + at, at + offset)
  }

  #range(): string {
    return this.#pick('20s', '30s', '1m', '1m30s', '2m', '5m', '10m', '37s', '1h', '14s', '1500ms', '1d', '1y', '1m0s')
  }

  #matrix(depth: number, needs: Accuracy): string {
    if (depth <= 0 || this.#subqueryDepth >= 2 || this.#chance(60)) return `${this.#metric()}[${this.#range()}]${this.#when()}`
    const isNested = this.#subqueryDepth > 0
    this.#subqueryDepth++
    const inner = this.#vector(depth - 1, needs)
    this.#subqueryDepth--
    const range = this.#pick('1m', '2m', '5m', '61s')
    const step = this.#pick('10s', '15s', '30s', '1m', '', '17s')
    return `${bracketed(inner)}[${range}:${step}]${isNested ? ' offset 250ms' : this.#when()}`
  }

  /** A range of counters, over which rates mean the same in both versions. */
  #counterRange(use: (range: string) => string): string {
    return use(`${this.#pick('c_total', 'c_total', 'p_total', 'k')}${this.#matchers()}[${this.#range()}]${this.#when()}`)
  }

  // Functions

  #rangeCall(depth: number, needs: Accuracy): string {
    const matrix = (accuracy: Accuracy) => this.#matrix(depth, accuracy)
    const over = (name: string, accuracy: Accuracy) => `${name}_over_time(${matrix(accuracy)})`
    return this.#oneOf(needs, [
      [3, 'whole', () => over(this.#pick('count', 'present', 'absent'), 'close')],
      [4, needs, () => over(this.#pick('last', 'min', 'max'), needs)],
      [3, 'whole', () => over('sum', 'whole')],
      [2, 'whole', () => `${this.#pick('changes', 'resets')}(${matrix('exact')})`],
      [2, 'exact', () => `${this.#pick('idelta', 'irate')}(${matrix('exact')})`],
      [2, 'exact', () => this.#parametrized(matrix('exact'), (range, changes) => `quantile_over_time(${changes ? this.#pick('time() % 11 / 10', this.#phi()) : this.#phi()}, ${range})`)],
      [8, 'close', () => this.#counterRange((range) => `${this.#pick('rate', 'increase', 'rate')}(${range})`)],
      [3, 'close', () => `delta(${matrix('exact')})`],
      [2, 'close', () => `${this.#pick('avg_over_time', 'stddev_over_time', 'stdvar_over_time')}(${this.#distance()}[${this.#range()}]${this.#when()})`],
      [2, 'close', () => `deriv(${this.#distance()}[${this.#range()}]${this.#when()})`],
      [2, 'close', () => `predict_linear(${this.#distance()}[${this.#range()}], ${this.#pick('0', '60', '600', '-30', 'NaN', 'scalar(k)')})`],
      [1, 'close', () => `double_exponential_smoothing(${this.#distance()}[${this.#range()}], ${this.#pick('0.5', '0.1', '0.9')}, ${this.#pick('0.5', '0.3')})`],
    ])
  }

  /** Families with values far enough from zero that a running mean of them has a small relative error. */
  #distance(): string {
    return `${this.#pick('u', 'k', 'c_total', 'one', 'm')}${this.#matchers()}`
  }

  /** Whether a parameter may change from step to step depends on the operand. */
  #parametrized(operand: string, use: (operand: string, changes: boolean) => string): string {
    return use(operand, !operand.includes('@'))
  }

  #phi(): string {
    return this.#pick('0.5', '0', '1', '0.9', '0.25', '0.999', '-1', '2', 'NaN')
  }

  #call(depth: number, needs: Accuracy): string {
    const vector = (accuracy: Accuracy) => this.#vector(depth, accuracy)
    const scalar = () => this.#scalar(Math.min(1, depth), 'exact')
    const exact = (name: string) => `${name}(${vector('exact')})`
    const dates = ['minute', 'hour', 'day_of_week', 'day_of_month', 'day_of_year', 'days_in_month', 'month', 'year']
    const transcendental = ['exp', 'ln', 'log2', 'log10', 'sin', 'cos', 'tan', 'asin', 'acos', 'atan', 'sinh', 'cosh', 'tanh', 'asinh', 'acosh', 'atanh', 'deg', 'rad']
    return this.#oneOf(needs, [
      [2, needs, () => `abs(${vector(needs)})`],
      [2, 'whole', () => exact(this.#pick('ceil', 'floor', 'sgn', 'round'))],
      [1, 'exact', () => `round(${vector('exact')}, ${this.#pick('0.1', '5', '0.5', '0', '-2', '1e-3', scalar())})`],
      [1, 'exact', () => exact('sqrt')],
      [4, 'close', () => exact(this.#random.pick(transcendental))],
      [2, 'exact', () => `clamp(${vector('exact')}, ${scalar()}, ${scalar()})`],
      [2, 'exact', () => `${this.#pick('clamp_min', 'clamp_max')}(${vector('exact')}, ${scalar()})`],
      [1, 'exact', () => `timestamp(${this.#pick(this.#metric(), `(${this.#metric()} offset 1m)`, `(${vector('close')}) * 1`)})`],
      [2, 'whole', () => `absent(${this.#pick(this.#selector(), vector('close'))})`],
      [1, needs, () => `vector(${this.#scalar(depth, needs)})`],
      [2, 'whole', () => `${this.#random.pick(dates)}(${this.#chance(40) ? '' : this.#pick('timestamp(g)', 'vector(time())', 'g * 86400', '(u - 20000) * 1e6', 'm * 1e9 - 2e9')})`],
      [3, needs, () => this.#labelReplace(vector(needs))],
      [2, needs, () => `label_join(${vector(needs)}, "${this.#pick('job', 'joined', '__name__')}", "${this.#pick('-', '', ',')}", ${this.#pick('"job"', '"job", "inst"', '"nothing"', '"inst", "mode"')})`],
      [1, needs, () => `${this.#pick('sort', 'sort_desc')}(${vector(needs === 'close' ? 'exact' : needs)})`],
      [4, 'close', () => this.#histogramQuantile()],
    ])
  }

  #labelReplace(vector: string): string {
    const target = this.#pick('job', 'to', 'inst', '__name__')
    const [replacement, pattern] = this.#withErrors && this.#chance(2) ? ['$1', '('] : this.#random.pick(replacements)
    return `label_replace(${vector}, "${target}", "${replacement}", "${this.#pick('job', 'inst', 'nothing', 'mode', '__name__', 'word')}", "${pattern}")`
  }

  #histogramQuantile(): string {
    const buckets = this.#pick(
      `h_bucket${this.#when()}`,
      'delta(h_bucket[5m])',
      'sum by (le) (h_bucket)',
      'sum by (job, le) (delta(h_bucket[2m]))',
      `h_bucket{le!="${this.#pick('+Inf', '1', '0.25')}"}`,
      'h_bucket{le=~"1|\\\\+Inf"}',
      'g',
      'sum by (le) ({__name__=~"h_bucket|g"})',
    )
    return `histogram_quantile(${this.#phi()}, ${buckets})`
  }

  // Aggregations

  #aggregation(depth: number, needs: Accuracy): string {
    const vector = (accuracy: Accuracy) => this.#vector(depth, accuracy)
    const by = () => this.#grouping()
    const aggregate = (name: string, operand: string, parameter?: string) => {
      const args = parameter === undefined ? `(${operand})` : `(${parameter}, ${operand})`
      const grouping = by()
      const cased = this.#chance(5) ? name.toUpperCase() : name
      return this.#chance(50) ? `${cased}${grouping}${args}` : `${cased}${args}${grouping}`
    }
    return this.#oneOf(needs, [
      [4, 'whole', () => aggregate('sum', vector('whole'))],
      // Whether the least of 0 and -0 is the one or the other depends on their order in storage, and count_values or a division shows it.
      [3, needs, () => `(${aggregate(this.#pick('min', 'max'), vector(needs))} + 0)`],
      [3, 'whole', () => aggregate(this.#pick('count', 'group'), vector('close'))],
      [2, 'close', () => aggregate('avg', this.#distance())],
      [2, 'close', () => aggregate(this.#pick('stddev', 'stdvar'), this.#distance())],
      [2, 'exact', () => aggregate('quantile', vector('exact'), this.#phi())],
      [2, 'whole', () => aggregate('count_values', vector('exact'), this.#pick('"value"', '"job"', "'v'"))],
      // Which of several equal ones is chosen depends on the order in which storage returns them; so only values are looked at.
      [2, 'exact', () => `${this.#pick('max', 'min', 'count')}(${aggregate(this.#pick('topk', 'bottomk'), vector('exact'), this.#count())})`],
      [1, 'whole', () => this.#topkOfDistinct()],
    ])
  }

  #count(): string {
    return this.#pick('1', '2', '3', '0', '100', '2.9', '-1', 'NaN', '1e30')
  }

  /** The order of groups depends on the order in which storage returns them, the order inside does not. */
  #topkOfDistinct(grouping = this.#grouping()): string {
    return this.#parametrized(`u${this.#matchers()}${this.#when()}`, (operand, changes) => {
      const count = changes && this.#chance(30) ? this.#pick('time() % 5', 'scalar(k) / 3', 'scalar(count(g)) - 6', 'scalar(nothing)') : this.#count()
      return `${this.#pick('topk', 'bottomk')}${grouping}(${count}, ${operand})`
    })
  }

  #grouping(): string {
    if (this.#chance(35)) return ' '
    const labels = this.#pick('', 'job', 'job', 'inst', 'job, inst', 'mode', 'job, mode', 'nothing', '__name__', '__name__, job', 'le', 'job,')
    return ` ${this.#pick('by', 'by', 'without', 'BY')} (${labels}) `
  }

  // Operators

  #binary(depth: number, needs: Accuracy): string {
    const vector = (accuracy: Accuracy) => `(${this.#vector(depth, accuracy)})`
    const scalar = (accuracy: Accuracy) => bracketed(this.#scalar(depth, accuracy))
    const comparison = () => this.#pick('==', '!=', '<', '<=', '>', '>=')
    /** Both operands vectors, or one of them a scalar; with matching when both are vectors. */
    const join = (op: string, accuracy: Accuracy) => {
      switch (this.#random.below(3)) {
        case 0:
          return `${vector(accuracy)} ${op} ${scalar(accuracy)}`
        case 1:
          return `${scalar(accuracy)} ${op} ${vector(accuracy)}`
        default:
          return this.#chance(60) ? this.#joined(op, accuracy) : `${vector(accuracy)} ${op} ${this.#matching(true)}${vector(accuracy)}`
      }
    }
    return this.#oneOf(needs, [
      [5, 'whole', () => join(this.#pick('+', '-'), 'whole')],
      [5, 'exact', () => join(this.#pick('+', '-', '*', '/', '%'), 'exact')],
      [1, 'close', () => join('^', 'exact')],
      [1, 'close', () => `abs${vector('exact')} atan2 ${this.#pick(`${this.#matching(true)}abs${vector('exact')}`, scalar('exact'))}`],
      [2, 'close', () => `${vector('close')} ${this.#pick('*', '/')} ${scalar('exact')}`],
      [4, 'whole', () => join(`${comparison()} bool`, 'exact')],
      [4, 'exact', () => (this.#chance(50) ? `${vector('exact')} ${comparison()} ${scalar('exact')}` : `${scalar('exact')} ${comparison()} ${vector('exact')}`)],
      [3, 'exact', () => this.#uniqueComparison(depth, comparison())],
      [6, needs, () => `${vector(needs)} ${this.#pick('and', 'or', 'unless', 'OR')} ${this.#matching(false)}${vector(needs)}`],
      [2, needs, () => this.#setOfPlain()],
    ])
  }

  /** Without parentheses, so that precedence decides. The powers are exact. */
  #chain(): string {
    const vector = this.#pick('g', 'g2', 'm', 'u', 's', 'k', 'one')
    const operand = () => this.#pick('2', '3', '0.5', vector, vector, `-${vector}`, '-1', 'abs(g)', `${vector} offset 1m`)
    const scalar = () => this.#pick('2', '3', '1 + 2', '-2 ^ 2', '2 ^ 3 ^ 2', '7 % 4 * 3', '-1', '2 ^ -1', '1 > bool 2', 'time() - 1')
    switch (this.#random.below(3)) {
      case 0:
        return `${vector} ${Array.from({ length: 1 + this.#random.below(4) }, () => `${this.#pick('+', '-', '*', '/', '%', '==', '>', '<= bool', '!=')} ${scalar()}`).join(' ')}`
      case 1:
        return `${operand()} ${this.#pick('+', '-', '*', '/')} ${operand()} ${this.#pick('*', '/', '-', '> bool', '%')} ${vector}${this.#pick('', ' - 1', ' * 2')}`
      default:
        return `${operand()} + ${vector} ${this.#pick('and', 'or', 'unless')} ${vector} * 2 ${this.#pick('and', 'or', 'unless')} ${this.#pick('one', 's', 'm')} ${this.#pick('', 'or on (job) some', 'unless ignoring (inst) k')}`
    }
  }

  /** Operands whose labels are made for each other, so that most of them find a partner. */
  #joined(op: string, accuracy: Accuracy): string {
    const product = accuracy === 'whole' ? '' : ' * 3'
    return this.#pick(
      `g${this.#when()} ${op} g2`,
      `g ${op} on (job, inst) m{mode="${this.#pick('x', 'y')}"}`,
      `g ${op} ignoring (mode) group_right ${this.#pick('', '()', '(zone)')} m`,
      `m ${op} ignoring (mode) group_left ${this.#pick('', '()', '(zone)')} g${this.#when()}`,
      `m ${op} on (job) group_left (extra) one`,
      `one ${op} on (job) group_right (extra) (m${product})`,
      `one ${op} on (job) some`,
      `some ${op} on (job) one`,
      `some ${op} on (job) group_left (extra) one`,
      `g ${op} on (job) group_left (dup) some`,
      `sum by (job) (g) ${op} max by (job) (m)`,
      `sum by (job) (g) ${op} on (job) group_right count by (job, inst) (m)`,
      `{__name__=~"g|g2"} ${op} ignoring (inst) one`,
      `{__name__=~"g|g2"} ${op} on (job, inst, __name__) {__name__=~"g|m",mode!="y"}`,
      `(g or m) ${op} on (job, inst, mode) m`,
      `k ${op} on () group_right g`,
      `g ${op} on () k`,
      `g ${op} ignoring (job, inst) group_left k`,
      `s ${op} on (job) one`,
    )
  }

  #uniqueComparison(depth: number, op: string): string {
    const labels = this.#pick('job', 'job, inst', 'inst', '')
    const side = () => `${this.#pick('min', 'max', 'sum', 'count')} by (${labels}) (${this.#vector(depth, 'whole')})`
    return `${side()} ${op} ${this.#pick('', `on (${labels}) `)}${side()}`
  }

  #setOfPlain(): string {
    const side = () => this.#pick('g', 'g2', 'm', 'one', 'some', 's', 'k', 'nothing', 'g > 0', 'm == 1', 'vector(1)') + this.#pick('', ' offset 1m')
    return `(${bracketed(side())} ${this.#pick('and', 'or', 'unless')} ${this.#matching(false)}${bracketed(side())})`.replaceAll(/\((g > 0|m == 1|vector\(1\)) offset 1m\)/g, '($1)')
  }

  #matching(groups: boolean): string {
    if (this.#chance(30)) return ''
    const labels = this.#pick('job', 'job', 'job, inst', 'inst', '', 'mode', 'inst, mode', 'job, __name__')
    const on = this.#chance(60) ? 'on' : 'ignoring'
    if (!groups || this.#chance(50)) return `${on} (${labels}) `
    // A label both matched on and included is an error already when it is parsed.
    const include = this.#pick('', '()', '(extra)', '(dup, extra)', '(zone)')
    return `${on} (${labels}) ${this.#pick('group_left', 'group_right')} ${include === '' ? '() ' : `${include} `}`
  }

  // Scalars

  #scalar(depth: number, needs: Accuracy): string {
    const number = () => this.#pick('0', '1', '-1', '2', '5', '0.25', '100', '-7.5', '1e3', '0x1F', '.5', '10')
    if (depth <= 0) return number()
    const down = depth - 1
    return this.#oneOf(needs, [
      [8, 'whole', number],
      [2, 'exact', () => this.#pick('Inf', '-Inf', 'NaN', '1e300', '0.1', '-0', 'pi()', '1e21', '1e-7', '123456789012345680000', '0.30000000000000004', '1E2')],
      [2, 'whole', () => 'time()'],
      [5, needs, () => `scalar(${this.#vector(down, needs)})`],
      [3, 'whole', () => `${bracketed(this.#scalar(down, 'whole'))} ${this.#pick('+', '-')} ${bracketed(this.#scalar(down, 'whole'))}`],
      [3, 'exact', () => `${bracketed(this.#scalar(down, 'exact'))} ${this.#pick('*', '/', '%')} ${bracketed(this.#scalar(down, 'exact'))}`],
      [2, 'whole', () => `${bracketed(this.#scalar(down, 'exact'))} ${this.#pick('==', '!=', '<', '>=')} bool ${bracketed(this.#scalar(down, 'exact'))}`],
      [1, 'close', () => `${bracketed(this.#scalar(down, 'exact'))} ${this.#pick('^', 'atan2')} ${bracketed(this.#scalar(down, 'exact'))}`],
      [1, needs, () => `-${bracketed(this.#scalar(down, needs))}`],
    ])
  }
}

const jobPatterns = [
  'a|b', '[ab]', 'a', '.+', '.*', 'b|c|d', '(a|b)', 'A(?i)', '(?i:A)', 'a.*|.*b', '[^a]', '(?:a|c)?', 'a{1,2}', '\\\\w', '^a$', 'a$|^b', '[[:alpha:]]', '\\\\x61', '\\\\Qa\\\\E', '(?s).+', '(?i)B', '\\\\pL', 'a||b', 'b+?', '(?P<n>a)', '.{1}', '', '[a-b]|e', '(a|b)(|c)', 'a\\\\b',
]

/** Not valid in Go. */
const badPatterns = ['(', '*', 'a**', '(?=a)', '\\\\1', 'a{1001}', '[b-a]', 'a)', '\\\\pX', '[a']

const replacements: readonly (readonly [replacement: string, pattern: string])[] = [
  ['$1', '(.*)'], ['x-$1', '(a|b)'], ['', '.*'], ['$0', '.+'], ['${n}$$', '(?P<n>.).*'], ['same', ''], ['$2', '(.)'],
  ['$1$2', '(a)|(b)'], ['${1}x', '(.).*'], ['$1x', '(.).*'], ['$', '.*'], ['${', '.*'], ['$$1', '(.*)'], ['${1', '(.*)'], ['$n-${m}', '(?P<n>.*)(?P<m>)'], ['é', '[^a]'], ['$1', '(.*)_(.*)'],
]

/** In parentheses, unless it is one word or call. */
function bracketed(text: string): string {
  return /^[a-z_0-9.]+$/i.test(text) ? text : `(${text})`
}
