// Checks for our own mistakes. What a user or a disk can cause is not asserted but reported.

/** Throws an error that begins with `bug:` when `condition` is false. Such errors are never caught in order to carry on. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`bug: ${message}`)
}

/** The last branch of a `switch` over a closed union: a new kind becomes a compile error there. */
export function unreachable(value: never): never {
  throw new Error(`bug: unexpected ${JSON.stringify(value)}`)
}

/** The text of anything thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
