// Configuration files with positions: YAML text to nodes that know their file, line, column and key path, and the errors
// and warnings that name them. Strict: a key twice or a node that does not fit is an error, never ignored.
// It knows nothing of what the keys mean; yamlReaders.ts has the readers of values and mappings.

import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, Scalar, visit } from 'yaml'
import type { Document, Node, Pair } from 'yaml'

/** One thing wrong, or worth saying, at one place of a file. Lines and columns are 1-based. */
export type ConfigProblem = {
  readonly file: string
  readonly line: number
  readonly column: number
  /** Such as `scrape_configs[0].static_configs`; empty at the top. */
  readonly path: string
  readonly message: string
}

/** `prometheus.yml:12:5: scrape_configs[0].job_name: message` */
export function formatProblem(problem: ConfigProblem): string {
  const path = problem.path === '' ? '' : `${problem.path}: `
  return `${problem.file}:${problem.line}:${problem.column}: ${path}${problem.message}`
}

/** A configuration that cannot be used; lists everything found wrong, in the order of the file. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join('\n'))
    this.problems = problems
  }
}

/** How deep mappings and lists may nest, and how many nodes one file may have when its aliases are followed. */
const maxDepth = 100
const maxNodes = 500_000

/** A parsed file: where problems of its nodes are, what was warned about, and which scalars hold secrets. */
export class YamlFile {
  readonly file: string
  readonly document: Document
  readonly warnings: ConfigProblem[] = []
  readonly #lines: LineCounter
  readonly #masks = new Map<Scalar, string>()
  readonly #edits: (() => void)[] = []
  #nodeCount = 0

  constructor(file: string, document: Document, lines: LineCounter) {
    this.file = file
    this.document = document
    this.#lines = lines
  }

  problem(offset: number, path: string, message: string): ConfigProblem {
    const { line, col } = this.#lines.linePos(offset)
    return { file: this.file, line: Math.max(1, line), column: Math.max(1, col), path, message }
  }

  mask(node: Scalar, shown: string): void {
    this.#masks.set(node, shown)
  }

  maskOf(node: Scalar): string | undefined {
    return this.#masks.get(node)
  }

  /** Remembers a change to the document for `printMasked`. */
  edit(change: () => void): void {
    this.#edits.push(change)
  }

  countNode(at: YamlNode): void {
    this.#nodeCount += 1
    if (this.#nodeCount > maxNodes) at.fail(`more than ${maxNodes} values, aliases followed; nothing of that size is read`)
  }

  /** The document as YAML with secrets masked and without comments. Changes the nodes: call it when all has been read. */
  printMasked(): string {
    for (const [scalar, shown] of this.#masks) {
      if (scalar.value === '') continue
      scalar.value = shown
      scalar.type = 'PLAIN'
    }
    for (const change of this.#edits) change()
    visit(this.document, {
      Node: (_, node) => {
        node.comment = null
        node.commentBefore = null
        node.spaceBefore = false
      },
    })
    this.document.comment = null
    this.document.commentBefore = null
    return this.document.toString({ lineWidth: 0 })
  }
}

/** The top node of `text`. Throws `ConfigError` when it is not YAML. A second document is ignored with a warning. */
export function parseYaml(text: string, file: string): YamlNode {
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, { schema: 'failsafe', uniqueKeys: false, prettyErrors: false, lineCounter: lines })
  const [document, second] = Array.isArray(documents) ? documents : []
  if (document === undefined) {
    const empty = parseAllDocuments('{}', { schema: 'failsafe' })
    const [nothing] = Array.isArray(empty) ? empty : []
    if (nothing === undefined) throw new Error('bug: the YAML parser gave no document')
    nothing.contents = null
    return new YamlNode(new YamlFile(file, nothing, lines), null, '', 0, 0)
  }
  const source = new YamlFile(file, document, lines)
  if (document.errors.length > 0) {
    throw new ConfigError(document.errors.map((error) => source.problem(error.pos[0], '', `not valid YAML: ${error.message}`)))
  }
  const offset = document.contents?.range?.[0] ?? 0
  if (second?.contents != null) {
    const at = second.contents.range?.[0] ?? 0
    source.warnings.push(source.problem(at, '', 'a second YAML document in the file is ignored'))
  }
  return new YamlNode(source, document.contents, '', offset, 0)
}

export type MappingEntry = { readonly key: string; readonly keyOffset: number; readonly value: YamlNode }

/** One node of a file with its key path. Aliases are followed, merge keys (`<<`) are merged. */
export class YamlNode {
  readonly file: YamlFile
  readonly path: string
  /** Offset of the node in the text; of its key when the value is empty. */
  readonly offset: number
  readonly #node: Node | null
  readonly #depth: number
  #entries: MappingEntry[] | undefined

  constructor(file: YamlFile, node: Node | null, path: string, offset: number, depth: number) {
    this.file = file
    this.path = path
    this.offset = offset
    this.#depth = depth
    if (depth > maxDepth) this.fail(`nested deeper than ${maxDepth} levels`)
    this.#node = isAlias(node) ? (node.resolve(file.document) ?? null) : node
    if (isAlias(node) && this.#node === null) this.fail(`unknown anchor "${node.source}"`)
    file.countNode(this)
  }

  /** Throws a `ConfigError` that names this place. */
  fail(message: string): never {
    throw new ConfigError([this.problem(message)])
  }

  warn(message: string): void {
    this.file.warnings.push(this.problem(message))
  }

  problem(message: string): ConfigProblem {
    return this.file.problem(this.offset, this.path, message)
  }

  get position(): { readonly file: string; readonly line: number; readonly column: number } {
    const { file, line, column } = this.problem('')
    return { file, line, column }
  }

  /** Nothing, `~` or a plain `null`. */
  get isNull(): boolean {
    return this.#node === null || (this.#isPlain && /^(?:~|null|Null|NULL|)$/.test(String((this.#node as Scalar).value)))
  }

  get isMapping(): boolean {
    return isMap(this.#node)
  }

  get isList(): boolean {
    return isSeq(this.#node)
  }

  /** The text of a scalar as written (quotes and escapes undone, nothing else), `undefined` for anything else. */
  get text(): string | undefined {
    return isScalar(this.#node) ? String(this.#node.value ?? '') : undefined
  }

  /** Whether the scalar is written without quotes, so that `yes` and `5` can mean more than text. */
  get isPlain(): boolean {
    return this.#isPlain
  }

  get #isPlain(): boolean {
    return isScalar(this.#node) && (this.#node.type === 'PLAIN' || this.#node.type === undefined) && this.#node.tag === undefined
  }

  /** For messages: what is there instead of what was expected. */
  describe(): string {
    if (this.isNull) return 'nothing'
    if (isMap(this.#node)) return 'a mapping'
    if (isSeq(this.#node)) return 'a list'
    return JSON.stringify(this.text)
  }

  /** The text of a scalar as people may see it: masked when it is a secret. */
  get shownText(): string | undefined {
    return isScalar(this.#node) ? (this.file.maskOf(this.#node) ?? this.text) : undefined
  }

  /** Marks the scalar so that `printMasked` shows `shown` in its place. */
  mask(shown: string): void {
    if (isScalar(this.#node)) this.file.mask(this.#node, shown)
  }

  /** The items of a list. Fails when it is none. */
  items(): YamlNode[] {
    if (!isSeq(this.#node)) this.fail(`expected a list, found ${this.describe()}`)
    return this.#node.items.map((item, index) => {
      const node = item as Node | null // the parser makes nodes, or null for an empty item
      return new YamlNode(this.file, node, `${this.path}[${index}]`, node?.range?.[0] ?? this.offset, this.#depth + 1)
    })
  }

  /** The entries of a mapping in file order. Fails when it is none, or when a key is there twice. */
  entries(): MappingEntry[] {
    return (this.#entries ??= this.#readEntries())
  }

  #readEntries(): MappingEntry[] {
    if (!isMap(this.#node)) this.fail(`expected a mapping, found ${this.describe()}`)
    const entries = new Map<string, MappingEntry>()
    const merged = new Map<string, MappingEntry>()
    const duplicates: ConfigProblem[] = []
    for (const pair of this.#node.items as Pair<Node | null, Node | null>[]) {
      const keyNode = isAlias(pair.key) ? (pair.key.resolve(this.file.document) ?? null) : pair.key
      const keyOffset = pair.key?.range?.[0] ?? this.offset
      if (!isScalar(keyNode)) throw new ConfigError([this.file.problem(keyOffset, this.path, 'expected a plain key')])
      const key = String(keyNode.value ?? '')
      const path = this.path === '' ? key : `${this.path}.${key}`
      const valueOffset = pair.value?.range?.[0]
      const isEmpty = pair.value === null || (isScalar(pair.value) && pair.value.source === '')
      const value = new YamlNode(this.file, pair.value, path, isEmpty ? keyOffset : (valueOffset ?? keyOffset), this.#depth + 1)
      if (key === '<<' && keyNode.type === 'PLAIN') {
        for (const source of value.isList ? value.items() : [value]) {
          for (const entry of source.entries()) if (!merged.has(entry.key)) merged.set(entry.key, entry)
        }
        continue
      }
      const first = entries.get(key)
      if (first !== undefined) {
        const { line } = this.file.problem(first.keyOffset, '', '')
        duplicates.push(this.file.problem(keyOffset, path, `the key is there twice, first in line ${line}`))
        continue
      }
      entries.set(key, { key, keyOffset, value })
    }
    if (duplicates.length > 0) throw new ConfigError(duplicates)
    for (const [key, entry] of merged) if (!entries.has(key)) entries.set(key, entry)
    return [...entries.values()]
  }

  /** The value of a key of this mapping, `undefined` when it is not there. */
  get(key: string): YamlNode | undefined {
    if (!isMap(this.#node)) return undefined
    return this.entries().find((entry) => entry.key === key)?.value
  }

  /** Where to complain about `key`: its value, or this node when the key is not there. */
  at(key: string): YamlNode {
    return this.get(key) ?? this
  }

  /** Sets a value below this mapping in what `printMasked` prints; what was read stays as it is. */
  setPrinted(path: readonly string[], value: string): void {
    const map = this.#node
    if (!isMap(map)) return
    this.file.edit(() => {
      const [first] = path
      if (isScalar(map.get(first, true))) map.delete(first)
      const scalar = new Scalar(value)
      // Quotes, or a block, keep other readers from taking the text for something else.
      scalar.type = value.includes('\n') ? 'BLOCK_LITERAL' : 'QUOTE_SINGLE'
      map.setIn(path, scalar)
    })
  }

  /** Removes a key of this mapping from what `printMasked` prints. */
  removePrinted(key: string): void {
    const map = this.#node
    if (isMap(map)) this.file.edit(() => void map.delete(key))
  }
}
