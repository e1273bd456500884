// A password, token or secret URL from a configuration. It prints as `<secret>` wherever it is printed by accident: in a
// log line, in JSON, in a template string. Only `reveal()` gives the text, and only the code that sends it calls that.

export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  /** The secret text. Never put the result into a message, a log field or an answer. */
  reveal(): string {
    return this.#text
  }

  toString(): string {
    return maskedSecret
  }

  toJSON(): string {
    return maskedSecret
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return maskedSecret
  }
}

/** What people see instead of a secret. */
export const maskedSecret = '<secret>'

/** A URL with the password of its user part replaced, as Prometheus prints URLs. */
export function maskUrlPassword(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/[^:@/?#]*):[^@/?#]*@/i, '$1:xxxxx@')
}
