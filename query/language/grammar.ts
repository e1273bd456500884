// PromQL's grammar and the tree it builds. Operators are collected in a row and then nested by precedence, which keeps one
// rule where a classical grammar has eight. Durations are in `durationGrammar.ts`. What the grammar accepts may still be
// ill-typed: `typecheck.ts`.

import { EOF, type IToken } from 'chevrotain'
import type { BinaryOp, DurationExpr, Expr, MatchCardinality, VectorMatching } from './ast.ts'
import type { Grouping, Operand, Operator } from './builder.ts'
import { DurationGrammar, spanOf } from './durationGrammar.ts'
import * as t from './tokens.ts'

type Fills = { fillLhs?: number; fillRhs?: number }

export class PromqlGrammar extends DurationGrammar {
  constructor(checkGrammar = false) {
    super(checkGrammar)
    this.performSelfAnalysis()
  }

  readonly expression = this.RULE('expression', (): Expr => {
    const operands: Operand[] = []
    const operators: Operator[] = []
    operands.push(this.SUBRULE1(this.operand))
    this.MANY(() => {
      operators.push(this.SUBRULE(this.operator))
      this.ACTION(() => this.builder.limitRow(operators.length, this.LA(0)))
      operands.push(this.SUBRULE2(this.operand))
    })
    return this.ACTION(() => this.builder.nest(operands, operators))
  })

  readonly operand = this.RULE('operand', (): Operand => {
    const signs: IToken[] = []
    this.MANY(() => signs.push(this.CONSUME(t.Sign)))
    return { signs, expr: this.SUBRULE(this.postfix) }
  })

  readonly operator = this.RULE('operator', (): Operator => {
    const token = this.CONSUME(t.BinaryOperator)
    let bool = false
    this.OPTION1(() => {
      this.CONSUME(t.Bool)
      bool = true
    })
    let matching: VectorMatching | undefined
    this.OPTION2(() => {
      matching = this.SUBRULE(this.matching)
    })
    const fills: Fills = {}
    this.MANY({
      GATE: () => this.LA(2).tokenType === t.LeftParen,
      DEF: () => {
        const fill = this.SUBRULE(this.fill)
        this.ACTION(() => Object.assign(fills, fill))
      },
    })
    return this.ACTION(() => {
      const op = token.image.toLowerCase() as BinaryOp // the texts of the category BinaryOperator
      if (Object.keys(fills).length > 0) matching = { ...(matching ?? oneToOne), ...fills }
      return { op, token, bool, matching }
    })
  })

  readonly matching = this.RULE('matching', (): VectorMatching => {
    const on = this.OR1([
      { ALT: () => (this.CONSUME(t.On), true) },
      { ALT: () => (this.CONSUME(t.Ignoring), false) },
    ])
    const labels = this.SUBRULE1(this.groupingLabels)
    let card: MatchCardinality = 'one-to-one'
    let include: readonly string[] = []
    this.OPTION1(() => {
      card = this.OR2([
        { ALT: () => (this.CONSUME(t.GroupLeft), 'many-to-one' as const) },
        { ALT: () => (this.CONSUME(t.GroupRight), 'one-to-many' as const) },
      ])
      // A parenthesis after group_left is always its label list, never the operand.
      this.OPTION2(() => {
        include = this.SUBRULE2(this.groupingLabels)
      })
    })
    return { card, on, labels, include }
  })

  readonly fill = this.RULE('fill', (): Fills => {
    const word = this.CONSUME(t.FillWord)
    this.CONSUME(t.LeftParen)
    const value = this.SUBRULE(this.signedNumber)
    this.CONSUME(t.RightParen)
    return this.ACTION(() => {
      this.builder.requireFeature('promql-binop-fill-modifiers', spanOf(word, word), 'binop fill modifiers are experimental and not enabled')
      const side = word.image.toLowerCase()
      return { ...(side !== 'fill_right' && { fillLhs: value }), ...(side !== 'fill_left' && { fillRhs: value }) }
    })
  })

  readonly groupingLabels = this.RULE('groupingLabels', (): readonly string[] => {
    const labels: string[] = []
    this.CONSUME(t.LeftParen)
    this.OPTION1(() => {
      labels.push(this.SUBRULE1(this.groupingLabel))
      this.MANY(() => {
        this.CONSUME1(t.Comma)
        labels.push(this.SUBRULE2(this.groupingLabel))
      })
      this.OPTION2(() => this.CONSUME2(t.Comma))
    })
    this.CONSUME(t.RightParen)
    return labels
  })

  readonly groupingLabel = this.RULE('groupingLabel', (): string =>
    this.OR([
      { ALT: () => this.CONSUME(t.LabelWord).image },
      {
        ALT: () => {
          const token = this.CONSUME(t.StringToken)
          return this.ACTION(() => this.builder.unquote(token))
        },
      },
    ]),
  )

  /** A primary and what follows it: ranges, `offset`, `@`, `anchored`, `smoothed`. */
  readonly postfix = this.RULE('postfix', (): Expr => {
    let expr = this.SUBRULE(this.primary)
    this.MANY(() => {
      expr = this.OR([
        { ALT: () => this.SUBRULE(this.range, { ARGS: [expr] }) },
        { ALT: () => this.SUBRULE(this.offset, { ARGS: [expr] }) },
        { ALT: () => this.SUBRULE(this.at, { ARGS: [expr] }) },
        {
          ALT: () => {
            const token = this.CONSUME(t.Anchored)
            return this.ACTION(() => this.builder.extendRange(expr, 'anchored', spanOf(token, token)))
          },
        },
        {
          ALT: () => {
            const token = this.CONSUME(t.Smoothed)
            return this.ACTION(() => this.builder.extendRange(expr, 'smoothed', spanOf(token, token)))
          },
        },
      ])
    })
    return expr
  })

  readonly range = this.RULE('range', (expr: Expr): Expr => {
    const open = this.CONSUME(t.LeftBracket)
    const range = this.SUBRULE1(this.durationSum)
    let isSubquery = false
    let step: DurationExpr | undefined
    this.OPTION1(() => {
      this.CONSUME(t.Colon)
      isSubquery = true
      this.OPTION2(() => {
        step = this.SUBRULE2(this.durationSum)
      })
    })
    const close = this.CONSUME(t.RightBracket)
    return this.ACTION(() => {
      const brackets = spanOf(open, close)
      return isSubquery ? this.builder.subquery(expr, range, step, brackets) : this.builder.matrixSelector(expr, range, brackets)
    })
  })

  readonly offset = this.RULE('offset', (expr: Expr): Expr => {
    this.CONSUME(t.Offset)
    const duration = this.SUBRULE(this.signedDuration)
    return this.ACTION(() => this.builder.offset(expr, duration))
  })

  readonly at = this.RULE('at', (expr: Expr): Expr => {
    this.CONSUME(t.At)
    return this.OR([
      {
        ALT: () => {
          const seconds = this.SUBRULE(this.signedNumber)
          const end = this.ACTION(() => this.LA(0))
          return this.ACTION(() => this.builder.at(expr, { seconds }, spanOf(end, end).end))
        },
      },
      {
        ALT: () => {
          const word = this.OR2([{ ALT: () => (this.CONSUME(t.Start), 'start' as const) }, { ALT: () => (this.CONSUME(t.End), 'end' as const) }])
          this.CONSUME(t.LeftParen)
          const close = this.CONSUME(t.RightParen)
          return this.ACTION(() => this.builder.at(expr, word, spanOf(close, close).end))
        },
      },
    ])
  })

  readonly signedNumber = this.RULE('signedNumber', (): number => {
    let sign: IToken | undefined
    this.OPTION(() => {
      sign = this.CONSUME(t.Sign)
    })
    const token = this.CONSUME(t.NumberOrDuration)
    return this.ACTION(() => (sign?.image === '-' ? -1 : 1) * this.builder.number(token))
  })

  readonly primary = this.RULE('primary', (): Expr =>
    this.OR([
      {
        GATE: () => isAggregation(this.LA(2)),
        ALT: () => this.SUBRULE(this.aggregation),
        IGNORE_AMBIGUITIES: true,
      },
      {
        GATE: () => this.LA(2).tokenType === t.LeftParen,
        ALT: () => this.SUBRULE(this.call),
        IGNORE_AMBIGUITIES: true,
      },
      { ALT: () => this.SUBRULE(this.selector) },
      {
        ALT: () => {
          const open = this.CONSUME(t.LeftParen)
          const expr = this.SUBRULE(this.expression)
          const close = this.CONSUME(t.RightParen)
          return this.ACTION((): Expr => ({ kind: 'parenExpr', position: spanOf(open, close), expr }))
        },
      },
      {
        ALT: () => {
          const token = this.CONSUME(t.NumberOrDuration)
          return this.ACTION((): Expr => {
            const isDuration = token.tokenType === t.DurationToken
            return { kind: 'numberLiteral', position: spanOf(token, token), value: this.builder.number(token), isDuration }
          })
        },
      },
      {
        ALT: () => {
          const token = this.CONSUME(t.StringToken)
          return this.ACTION((): Expr => ({ kind: 'stringLiteral', position: spanOf(token, token), value: this.builder.unquote(token) }))
        },
      },
    ]),
  )

  readonly aggregation = this.RULE('aggregation', (): Expr => {
    const op = this.CONSUME(t.AggregateWord)
    let grouping: Grouping | undefined
    let args: readonly Expr[] = []
    this.OR([
      {
        ALT: () => {
          grouping = this.SUBRULE1(this.grouping)
          args = this.SUBRULE1(this.args)
        },
      },
      {
        ALT: () => {
          args = this.SUBRULE2(this.args)
          this.OPTION(() => {
            grouping = this.SUBRULE2(this.grouping)
          })
        },
      },
    ])
    return this.ACTION(() => this.builder.aggregation(op, grouping ?? { labels: [], without: false }, args, spanOf(op, this.LA(0))))
  })

  readonly grouping = this.RULE('grouping', (): Grouping => {
    const without = this.OR([{ ALT: () => (this.CONSUME(t.By), false) }, { ALT: () => (this.CONSUME(t.Without), true) }])
    return { without, labels: this.SUBRULE(this.groupingLabels) }
  })

  readonly call = this.RULE('call', (): Expr => {
    const name = this.CONSUME(t.FunctionWord)
    const args = this.SUBRULE(this.args)
    return this.ACTION(() => this.builder.call(name, args, spanOf(name, this.LA(0))))
  })

  readonly args = this.RULE('args', (): readonly Expr[] => {
    const args: Expr[] = []
    this.CONSUME(t.LeftParen)
    this.OPTION1(() => {
      args.push(this.SUBRULE1(this.expression))
      this.MANY(() => {
        const comma = this.CONSUME1(t.Comma)
        this.ACTION(() => {
          if (!mayStartExpression(this.LA(1))) this.builder.fail(spanOf(comma, comma), 'trailing commas not allowed in function call args')
        })
        args.push(this.SUBRULE2(this.expression))
      })
    })
    this.CONSUME(t.RightParen)
    return args
  })

  readonly selector = this.RULE('selector', (): Expr => {
    this.ACTION(() => this.builder.startSelector())
    const first = this.ACTION(() => this.LA(1))
    let name: IToken | undefined
    this.OR([
      {
        ALT: () => {
          name = this.CONSUME(t.MetricWord)
          this.OPTION(() => this.SUBRULE1(this.matchers))
        },
      },
      { ALT: () => this.SUBRULE2(this.matchers) },
    ])
    return this.ACTION(() => this.builder.selector(name?.image ?? '', spanOf(first, this.LA(0))))
  })

  readonly matchers = this.RULE('matchers', (): void => {
    this.CONSUME(t.LeftBrace)
    this.OPTION1(() => {
      this.SUBRULE1(this.matcher)
      this.MANY(() => {
        this.CONSUME1(t.Comma)
        this.SUBRULE2(this.matcher)
      })
      this.OPTION2(() => this.CONSUME2(t.Comma))
    })
    this.CONSUME(t.RightBrace)
  })

  readonly matcher = this.RULE('matcher', (): void => {
    this.OR([
      {
        ALT: () => {
          const name = this.CONSUME(t.LabelName)
          const op = this.CONSUME1(t.MatchOperator)
          const value = this.CONSUME1(t.StringToken)
          this.ACTION(() => this.builder.matcher(name, name.image, op, value))
        },
      },
      {
        ALT: () => {
          const name = this.CONSUME2(t.StringToken)
          let compared = false
          this.OPTION(() => {
            const op = this.CONSUME2(t.MatchOperator)
            const value = this.CONSUME3(t.StringToken)
            compared = true
            this.ACTION(() => this.builder.matcher(name, this.builder.unquote(name), op, value))
          })
          this.ACTION(() => compared || this.builder.quotedMetricName(name))
        },
      },
    ])
  })
}

const oneToOne: VectorMatching = { card: 'one-to-one', on: false, labels: [], include: [] }

/** An aggregation's name is one only before its arguments or grouping; elsewhere it names a metric. */
function isAggregation(next: IToken): boolean {
  return next.tokenType === t.LeftParen || next.tokenType === t.By || next.tokenType === t.Without
}

/** The end counts too: what is missing there is another error. */
function mayStartExpression({ tokenType }: IToken): boolean {
  const starts = [EOF, t.LeftParen, t.LeftBrace, t.StringToken, t.MetricWord, t.FunctionWord, t.AggregateWord, t.NumberOrDuration, t.Sign]
  return starts.some((start) => tokenType === start || tokenType.CATEGORIES?.includes(start))
}
