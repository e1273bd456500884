// The pages at /consoles: template files of the user's, read for each request, so that a page is edited while it is looked at.

import { readdir, readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { querySamples } from '../../alerting/rules/querySamples.ts'
import { renderConsole, type ConsolePage } from '../../alerting/template/consoleTemplates.ts'
import { TemplateError } from '../../alerting/template/language/templateError.ts'
import { errorText } from '../../src/base/assert.ts'
import type { Answer } from '../answer.ts'
import { plain } from '../answer.ts'
import type { Parts } from '../parts.ts'
import { readForm } from '../requestParams.ts'
import type { Router } from '../router.ts'
import type { WebRequest } from '../webRequest.ts'

export type ConsoleOptions = {
  /** The directory of the pages. */
  readonly consoleTemplates: string
  /** The directory whose files `*.lib` every page can use. */
  readonly consoleLibraries: string
  readonly externalUrl: string
}

/** What an operating system takes. To make a path of a URL of 1 MiB would hold up the main thread. */
const maxPathLength = 4096

export function addConsoleRoutes(router: Router, parts: () => Parts, options: ConsoleOptions): void {
  router.get('/consoles/*', async (request) => {
    const asked = request.path['*'] ?? ''
    if (asked.length > maxPathLength) return plain(404, 'file name too long\n')
    const path = posix.normalize(`/${asked}`)
    const file = join(options.consoleTemplates, path)
    try {
      const text = await readFile(file, 'utf8')
      const page = { path, text, libraries: await readLibraries(options.consoleLibraries), params: paramsOf(request) }
      return { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' }, body: await render(page, request, parts(), options) }
    } catch (error) {
      return failed(error, file)
    }
  })
}

/** Missing ones are missed by the page that calls them. */
async function readLibraries(dir: string): Promise<ConsolePage['libraries']> {
  const names = (await readdir(dir).catch(() => [])).filter((name) => name.endsWith('.lib')).sort()
  return Promise.all(names.map(async (name) => ({ name, text: await readFile(join(dir, name), 'utf8') })))
}

function paramsOf({ rawQuery }: WebRequest): ConsolePage['params'] {
  const params = new Map<string, string[]>()
  for (const { name, value } of readForm(rawQuery).values) {
    const values = params.get(name)
    if (values === undefined) params.set(name, [value])
    else values.push(value)
  }
  return params
}

function render(page: ConsolePage, { signal, origin }: WebRequest, { query, externalLabels }: Parts, { externalUrl }: ConsoleOptions): Promise<string> {
  const timestampMs = Date.now()
  const evaluate = async (expr: string) => querySamples(await query.evaluate(expr, timestampMs, { signal, origin }))
  return renderConsole(page, { externalLabels: externalLabels(), externalUrl, timestampMs }, evaluate)
}

/** In the words of Go, for those who look for a file in the wrong directory. */
function failed(error: unknown, file: string): Answer {
  if (error instanceof TemplateError) return plain(500, `${error.message}\n`)
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EISDIR') return plain(500, `read ${file.replace(/(?<=.)\/+$/, '')}: is a directory\n`)
  return plain(404, `open ${file}: ${openErrors[String(code)] ?? errorText(error)}\n`)
}

const openErrors: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  ENOTDIR: 'not a directory',
  EACCES: 'permission denied',
  ERR_INVALID_ARG_VALUE: 'invalid argument',
}
