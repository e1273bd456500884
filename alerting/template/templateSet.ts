// A set of named templates that can call each other, and the functions they know: the engine's door. One set is parsed once
// per configuration and then executed many times, as text or as HTML.

import type { FunctionTable, Value } from './go/value.ts'
import { HtmlOutput } from './html/htmlOutput.ts'
import { withBuiltins } from './language/builtins.ts'
import { execute } from './language/executor.ts'
import { isEmptyTree, type Tree } from './language/nodes.ts'
import { TextOutput } from './language/output.ts'
import { parseTemplate, type ParseOptions } from './language/parser.ts'

export type RenderOptions = {
  readonly mode: 'text' | 'html'
  /** All functions for this rendering, made by `withBuiltins`, where they differ from those the set was parsed with. */
  readonly functions?: FunctionTable
  readonly metricValue?: (name: string) => Value | undefined
}

export class TemplateSet {
  readonly #functions: FunctionTable
  readonly #trees: Map<string, Tree>

  /** `functions` are known beside Go's built-in ones. */
  constructor(functions: FunctionTable, trees: ReadonlyMap<string, Tree> = new Map()) {
    this.#functions = withBuiltins(functions)
    this.#trees = new Map(trees)
  }

  /** Parses `text` as template `name`; what it defines is added, or replaces what was there. Throws `TemplateError`. */
  add(name: string, text: string, onMetricName?: ParseOptions['onMetricName']): void {
    const hasFunction = (word: string): boolean => Object.hasOwn(this.#functions, word)
    const parsed = parseTemplate(name, text, { hasFunction, ...(onMetricName && { onMetricName }) })
    for (const [key, tree] of parsed) {
      // An empty definition never replaces a full one.
      if (!this.#trees.has(key) || !isEmptyTree(tree.root)) this.#trees.set(key, tree)
    }
  }

  has(name: string): boolean {
    return this.#trees.has(name)
  }

  /** A set of its own with all that this one has. */
  clone(): TemplateSet {
    return new TemplateSet(this.#functions, this.#trees)
  }

  /** Executes the template `name` with `data`. Throws `TemplateError`. */
  render(name: string, data: Value, options: RenderOptions): string {
    const output = options.mode === 'html' ? new HtmlOutput() : new TextOutput()
    const functions = options.functions ?? this.#functions
    return execute(name, data, { trees: this.#trees, functions, output, ...(options.metricValue && { metricValue: options.metricValue }) })
  }
}
