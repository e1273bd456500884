// Warnings and infos that an evaluation collects beside its result. Each text appears once per query, at the position
// where it was first met; the position is turned into `line:col` only when the answer is written.

type Annotation = { readonly text: string; readonly position: number | undefined }

/** How many of each level an answer lists; one more entry counts the rest. */
const listedPerLevel = 10

export class Annotations {
  readonly #warnings = new Map<string, Annotation>()
  readonly #infos = new Map<string, Annotation>()

  get isEmpty(): boolean {
    return this.#warnings.size === 0 && this.#infos.size === 0
  }

  /** `text` without level and position; `position` is an offset into the query text. */
  warn(text: string, position?: number): void {
    if (!this.#warnings.has(text)) this.#warnings.set(text, { text, position })
  }

  info(text: string, position?: number): void {
    if (!this.#infos.has(text)) this.#infos.set(text, { text, position })
  }

  /** The `warnings` list of an answer to `query`. */
  warnings(query: string): string[] {
    return list(this.#warnings, 'warning', query)
  }

  infos(query: string): string[] {
    return list(this.#infos, 'info', query)
  }
}

function list(annotations: ReadonlyMap<string, Annotation>, level: 'warning' | 'info', query: string): string[] {
  const lines: string[] = []
  for (const { text, position } of annotations.values()) {
    if (lines.length === listedPerLevel) {
      lines.push(`${annotations.size - listedPerLevel} more ${level} annotations omitted`)
      break
    }
    lines.push(`PromQL ${level}: ${text}${position === undefined ? '' : ` (${lineAndColumn(query, position)})`}`)
  }
  return lines
}

/** Both count from 1; the column counts bytes, as Prometheus does. */
function lineAndColumn(query: string, position: number): string {
  const before = query.slice(0, position).split('\n')
  return `${before.length}:${Buffer.byteLength(before.at(-1) ?? '') + 1}`
}
