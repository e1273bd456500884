// What texts were found to stand for, remembered within limits.

const maxTexts = 1_000
/** Of all texts together: a tree takes up to a hundred bytes for a character. */
const maxCharacters = 1_000_000
/** A longer text is not remembered: it would push out all others. */
const maxTextLength = 100_000

export class KeptByText<T> {
  /** The one unasked for longest first. */
  readonly #kept = new Map<string, T>()
  #characters = 0

  /** What `text` stands for: remembered, or made now. */
  get(text: string, make: () => T): T {
    const known = this.#kept.get(text)
    const value = known ?? make()
    if (known !== undefined) this.#kept.delete(text)
    else if (text.length > maxTextLength) return value
    else this.#characters += text.length
    this.#kept.set(text, value)
    while (this.#kept.size > maxTexts || this.#characters > maxCharacters) {
      const oldest = this.#kept.keys().next().value as string // there are some
      this.#kept.delete(oldest)
      this.#characters -= oldest.length
    }
    return value
  }
}
