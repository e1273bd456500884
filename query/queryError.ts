// The one error a query ends with. Its type decides the HTTP status (`api.ts`) and is part of the answer; the texts are
// the ones Prometheus prints where its users search for them.

export type ErrorType =
  | 'bad_data'
  | 'execution'
  | 'canceled'
  | 'timeout'
  | 'internal'
  | 'unavailable'
  | 'not_found'
  | 'not_acceptable'

export class QueryError extends Error {
  readonly errorType: ErrorType

  constructor(errorType: ErrorType, message: string, options?: ErrorOptions) {
    super(message, options)
    this.errorType = errorType
  }
}

/** A parameter of the request is wrong; `name` is the parameter as the HTTP API spells it. */
export function invalidParameter(name: string, reason: string): QueryError {
  return new QueryError('bad_data', `invalid parameter ${JSON.stringify(name)}: ${reason}`)
}

/** What `read` finds wrong with a parameter is said with its name. */
export function namingParameter<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof QueryError && error.errorType === 'bad_data' ? invalidParameter(name, error.message) : error
  }
}
