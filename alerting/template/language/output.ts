// Where the text of an executed template goes: plain here, HTML in htmlOutput.ts.

import { sprint } from '../go/goFormat.ts'
import { Struct, type Value } from '../go/value.ts'
import { TemplateError } from './templateError.ts'

/** Takes the output: literal text of the template, and printed values, which HTML mode escapes for where they stand. */
export type Output = {
  text(text: string): void
  /** `lastFunction` is the function of the action's last command, if it is one. Throws `CallError` when it cannot be printed there. */
  value(value: Value, lastFunction: string | undefined): void
  result(): string
}

/** Text output: values print as Go's `fmt.Fprint`, a nil as `<no value>`. */
export class TextOutput implements Output {
  readonly #parts: string[] = []
  readonly #limit: OutputLimit

  constructor(limit: OutputLimit = new OutputLimit()) {
    this.#limit = limit
  }

  text(text: string): void {
    this.#limit.add(text.length)
    this.#parts.push(text)
  }

  value(value: Value): void {
    this.text(printed(value))
  }

  result(): string {
    return this.#parts.join('')
  }
}

/** Stops a template that would print without end. */
export class OutputLimit {
  static readonly maxLength = 16 * 1024 * 1024
  #length = 0

  add(length: number): void {
    this.#length += length
    if (this.#length > OutputLimit.maxLength) throw new TemplateError(`template: output is longer than ${OutputLimit.maxLength} characters`)
  }
}

/** A value as an action prints it. A pointer prints what it points to. */
export function printed(value: Value): string {
  if (value === null) return '<no value>'
  const text = sprint([value])
  const isPointer = value instanceof Struct && value.type.name.startsWith('*') && value.type.toText === undefined
  return isPointer && text.startsWith('&') ? text.slice(1) : text
}
