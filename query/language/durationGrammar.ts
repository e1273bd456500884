// The part of PromQL's grammar that is durations: arithmetic with the same precedence as for numbers, in three rules, because
// it is rare and short.

import { EmbeddedActionsParser, type IToken } from 'chevrotain'
import type { DurationExpr, Position } from './ast.ts'
import { Builder } from './builder.ts'
import * as t from './tokens.ts'

/** Where tokens stand, from the first to the last. */
export const spanOf = (from: IToken, to: IToken): Position => ({ start: from.startOffset, end: to.startOffset + to.image.length })

/** For the grammar that has all the rules; it analyses itself when they are there. */
export class DurationGrammar extends EmbeddedActionsParser {
  /** Makes nodes and collects what is wrong with them; set before each parse. */
  builder = new Builder(new Set(), () => {})

  constructor(checkGrammar: boolean) {
    super(t.vocabulary, { maxLookahead: 2, recoveryEnabled: false, skipValidations: !checkGrammar })
  }

  readonly durationSum = this.RULE('durationSum', (): DurationExpr => {
    let lhs = this.SUBRULE1(this.durationFactor)
    this.MANY(() => {
      const op = this.CONSUME(t.Sign)
      const rhs = this.SUBRULE2(this.durationFactor)
      lhs = this.ACTION(() => this.builder.durationBinary(op, lhs, rhs))
    })
    return lhs
  })

  readonly durationFactor = this.RULE('durationFactor', (): DurationExpr => {
    let lhs = this.SUBRULE1(this.durationUnary)
    this.MANY(() => {
      const op = this.CONSUME(t.FactorOperator)
      const rhs = this.SUBRULE2(this.durationUnary)
      lhs = this.ACTION(() => this.builder.durationBinary(op, lhs, rhs))
    })
    return lhs
  })

  readonly durationUnary = this.RULE('durationUnary', (): DurationExpr =>
    this.OR([
      {
        ALT: () => {
          const sign = this.CONSUME(t.Sign)
          const expr = this.SUBRULE1(this.durationUnary)
          return this.ACTION(() => this.builder.durationUnary(sign, expr))
        },
      },
      {
        ALT: () => {
          const base = this.SUBRULE(this.durationPrimary)
          let power: DurationExpr | undefined
          this.OPTION(() => {
            const op = this.CONSUME(t.Power)
            const exponent = this.SUBRULE2(this.durationUnary)
            power = this.ACTION(() => this.builder.durationBinary(op, base, exponent))
          })
          return power ?? base
        },
      },
    ]),
  )

  /** After `offset`: arithmetic would take what follows, so it needs parentheses. */
  readonly signedDuration = this.RULE('signedDuration', (): DurationExpr =>
    this.OR([
      {
        ALT: () => {
          const sign = this.CONSUME(t.Sign)
          const expr = this.SUBRULE(this.signedDuration)
          return this.ACTION(() => this.builder.durationUnary(sign, expr))
        },
      },
      { ALT: () => this.SUBRULE(this.durationPrimary) },
    ]),
  )

  readonly durationPrimary = this.RULE('durationPrimary', (): DurationExpr =>
    this.OR([
      {
        ALT: () => {
          const open = this.CONSUME1(t.LeftParen)
          const expr = this.SUBRULE1(this.durationSum)
          const close = this.CONSUME1(t.RightParen)
          return this.ACTION(() => this.builder.durationParen(expr, spanOf(open, close)))
        },
      },
      {
        ALT: () => {
          const token = this.CONSUME(t.NumberOrDuration)
          return this.ACTION((): DurationExpr => {
            const isDuration = token.tokenType === t.DurationToken
            return { kind: 'durationLiteral', seconds: this.builder.number(token), isDuration, position: spanOf(token, token) }
          })
        },
      },
      {
        ALT: () => {
          const name = this.CONSUME(t.DurationFunction)
          const args: DurationExpr[] = []
          this.CONSUME2(t.LeftParen)
          this.OPTION(() => {
            args.push(this.SUBRULE2(this.durationSum))
            this.MANY(() => {
              this.CONSUME(t.Comma)
              args.push(this.SUBRULE3(this.durationSum))
            })
          })
          const close = this.CONSUME2(t.RightParen)
          return this.ACTION(() => this.builder.durationCall(name, args, spanOf(name, close)))
        },
      },
    ]),
  )
}
