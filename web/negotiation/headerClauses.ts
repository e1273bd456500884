// The clauses of an Accept or Accept-Encoding header: values that are divided by commas, with parameters after semicolons.

/** Longer than what any client sends. Headers may have 1 MiB, whose clauses would hold up the main thread for seconds. */
const maxLength = 16 * 1024

export type HeaderClause = {
  /** In lower case. */
  readonly name: string
  /** As they stand. */
  readonly parameters: readonly string[]
}

/** None of a header that is longer than is sensible. */
export function headerClauses(header: string): HeaderClause[] {
  if (header.length > maxLength) return []
  return header.split(',').map((clause) => {
    const [name = '', ...parameters] = clause.split(';').map((part) => part.trim())
    return { name: name.toLowerCase(), parameters }
  })
}
