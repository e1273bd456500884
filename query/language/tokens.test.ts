import { expect, it } from 'vitest'
import { lexerDefinitionErrors } from './tokens.ts'

it('has a lexer without unreachable or ambiguous tokens', () => expect(lexerDefinitionErrors()).toEqual([]))
