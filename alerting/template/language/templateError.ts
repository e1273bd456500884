// The one error of the template engine, for parsing and for execution. Its message is Go's, so that people find it in a
// search engine: `template: NAME:LINE:COLUMN: executing "NAME" at <NODE>: ...`.

export class TemplateError extends Error {
  /** 1-based line of the template text, when known. */
  readonly line: number | undefined

  constructor(message: string, line?: number, options?: ErrorOptions) {
    super(message, options)
    this.line = line
  }
}
