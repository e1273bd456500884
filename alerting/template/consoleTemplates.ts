// The pages of Prometheus's consoles: HTML templates of the user's with the functions of alert templates, and named templates
// from his libraries. It is given their texts; where the files lie is nothing to it.

import { CallError, Defined, Dict, List, parameter, stringDict, stringList, Struct, type FunctionTable, type TypeInfo, type Value } from './go/value.ts'
import { safeHtmlType } from './html/safeContent.ts'
import { TemplateError } from './language/templateError.ts'
import { labelDict, type QuerySample } from './ruleFunctions.ts'
import { Expansion, type ExpansionSettings } from './ruleTemplates.ts'
import { TemplateSet } from './templateSet.ts'

export type ConsolePage = {
  /** As the URL has it, with a slash at its beginning. */
  readonly path: string
  readonly text: string
  /** What they define can be called from the page, and replaces what it defines itself. `name` is without folders. */
  readonly libraries: readonly { readonly name: string; readonly text: string }[]
  /** Of the URL: all values of each. */
  readonly params: ReadonlyMap<string, readonly string[]>
}

/** What Prometheus puts before each page; it shows in the columns of error messages. */
const definitions = '{{$rawParams := .RawParams }}{{$params := .Params}}{{$path := .Path}}{{$externalLabels := .ExternalLabels}}'

const dataType: TypeInfo = { name: 'struct { RawParams url.Values; Params map[string]string; Path string; ExternalLabels map[string]string }' }

/** The page as HTML. Rejects with `TemplateError`. */
export async function renderConsole(page: ConsolePage, settings: ExpansionSettings, evaluate: (expr: string) => Promise<readonly QuerySample[]>): Promise<string> {
  const name = `__console_${page.path}`
  const expansion = new Expansion(settings, evaluate)
  const functions: FunctionTable = {
    ...expansion.functions,
    tmpl: { parameters: [parameter.string, parameter.any], call: ([template = '', dot = null]) => rendered(set, String(template), dot) },
  }
  const set = new TemplateSet(functions)
  explained(`error parsing template ${name}`, () => set.add(name, definitions + page.text))
  explained(`error parsing template files for ${name}`, () => page.libraries.forEach((library) => set.add(library.name, library.text)))
  const data = dataOf(page, settings)
  return expansion.run(() => explained(`error executing template ${name}`, () => set.render(name, data, { mode: 'html' })))
}

function dataOf({ path, params }: ConsolePage, { externalLabels }: ExpansionSettings): Struct {
  return new Struct(dataType, {
    RawParams: new Dict(rawParamsType, stringList([]), new Map([...params].map(([key, values]) => [key, stringList(values)]))),
    Params: stringDict([...params].map(([key, [first = '']]) => [key, first])),
    Path: path.replace(/^\/+/, ''),
    ExternalLabels: labelDict(externalLabels),
  })
}

const rawParamsType: TypeInfo = {
  name: 'url.Values',
  methods: {
    Get: { parameters: [parameter.string], call: ([self, key]) => valuesOf(self, key)[0] ?? '' },
    Has: { parameters: [parameter.string], call: ([self, key]) => valuesOf(self, key).length > 0 },
  },
}

function valuesOf(self: Value | undefined, key: Value | undefined): readonly Value[] {
  const values = (self as Dict).entries.get(String(key)) // the receiver of the methods above
  return values instanceof List ? values.items : []
}

/** `tmpl`: like the action `template`, for a name that is worked out. */
function rendered(set: TemplateSet, name: string, dot: Value): Defined {
  if (!set.has(name)) throw new CallError(`html/template: ${JSON.stringify(name)} is undefined`)
  try {
    return new Defined(safeHtmlType, set.render(name, dot, { mode: 'html' }))
  } catch (error) {
    throw error instanceof TemplateError ? new CallError(error.message) : error
  }
}

function explained<T>(where: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof TemplateError ? new TemplateError(`${where}: ${error.message}`, error.line, { cause: error }) : error
  }
}
