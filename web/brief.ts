// Queries and selectors that handlers read themselves, on the main thread, where nothing can end it and everybody waits.

import { QueryError } from '../query/queryError.ts'

/** In UTF-16 units: the worst of that length takes a tenth of a second to read. */
const maxLength = 20_000

/** Throws when it may take long to read all of them. */
export function requireBrief(texts: readonly string[]): void {
  const length = texts.reduce((sum, text) => sum + text.length, 0)
  if (length > maxLength) throw new QueryError('bad_data', `selectors of ${length} characters are too long, there may be ${maxLength}`)
}
