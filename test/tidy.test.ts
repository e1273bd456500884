// The rules of the layout, as code: which folder may import which, no cycles, no file and no export that nobody uses,
// no folder of more files than one can take in, no skipped test.

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'

/** AssemblyScript, which imports without endings; `src/kernels/assembly/index.ts` says what is used outside. */
const kernelFolder = 'src/kernels/assembly/'

const published = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' }).split('\n').filter((path) => path !== '' && existsSync(path))
const tracked = published.filter((path) => /\.tsx?$/.test(path))

/** Paths that the text of the file at `path` imports, be it types or threads. */
function importedBy(path: string, text: string): string[] {
  return [...text.matchAll(/(?:from|import)[\s(]+'(\.{1,2}\/[^']+)'|new URL\('(\.{1,2}\/[^']+\.ts)'/g)].map((m) => normalize(join(dirname(path), m[1] ?? m[2] ?? '')))
}

type Source = { readonly path: string; readonly text: string; readonly imports: readonly string[] }

const files = new Map<string, Source>()
const kernels = new Map<string, Source>()
for (const path of tracked) {
  const text = readFileSync(path, 'utf8')
  const imports = importedBy(path, text)
  if (path.startsWith(kernelFolder)) kernels.set(path, { path, text, imports: imports.map((target) => `${target}.ts`) })
  else files.set(path, { path, text, imports })
}

const isTest = (path: string) => path.endsWith('.test.ts') || path.startsWith('test/') || path.startsWith('bench/')

/** The area of a file and, for `src`, whether it is one of the leaves. */
function areaOf(path: string): string {
  if (path.startsWith('src/base/')) return 'src/base'
  if (path.startsWith('src/kernels/')) return 'src/kernels'
  if (path.startsWith('web/ui/')) return 'web/ui'
  return path.split('/')[0] ?? ''
}

const mayImport: Readonly<Record<string, readonly string[]>> = {
  'src/base': [],
  'src/kernels': [],
  'web/ui': [],
  storage: ['src/base', 'src/kernels'],
  ingest: ['storage', 'src/base', 'src/kernels'],
  query: ['storage', 'src/base', 'src/kernels'],
  alerting: ['query', 'storage', 'src/base'],
  web: ['alerting', 'ingest', 'query', 'storage', 'src/base', 'src/kernels'],
}

/** The folders inside an area in the order of its data, from the ground up: each may import those before it. `.` is the area's own folder. */
const floors: Readonly<Record<string, readonly string[]>> = {
  'src/base': ['.', 'config', 'http'],
  src: ['flags', 'config', 'commands', '.', 'bundle'],
  storage: ['model', 'files', 'head', 'partitions', 'querier', 'writer', '.', 'inspection'],
  ingest: [
    '.', 'exposition/text', 'exposition/protobuf', 'exposition/metadata', 'exposition', 'discovery', 'remoteWrite', 'otlp',
    'scrape/timing', 'scrape/job', 'scrape/reading', 'scrape',
  ],
  query: ['.', 'language', 'values', 'histograms', 'operators', 'functions', 'plan', 'selectors', 'parallel', 'engine', 'exposition', 'answers', 'program', 'remoteRead', 'service'],
  'web/ui': ['src/browser', 'src/api', 'src/format', 'src/components', 'src/query/state', 'src/query/plots', 'src/query/editor', 'src/query/explain', 'src/query', 'src/pages', 'src', '.'],
  alerting: ['template/go', 'template/language', 'template/html', 'template', 'rules', 'notifier', 'config', 'receivers', 'alerts', 'muting', 'dispatch', 'pipeline', 'api', '.'],
}

/** Which of an area's folders other areas see; `src`, which puts all together, sees every one. What is in no list is the area's own affair. */
const doors: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  storage: {
    ingest: ['.', 'model', 'head'],
    query: ['model', 'head', 'querier', 'partitions', 'files'],
    alerting: ['.', 'model'],
    web: ['.', 'model'],
  },
  ingest: { web: ['.', 'exposition', 'exposition/text', 'otlp', 'remoteWrite', 'scrape', 'scrape/job'] },
  query: { alerting: ['service', 'histograms'], web: ['.', 'answers', 'exposition', 'language', 'service'] },
  alerting: { web: ['.', 'api', 'notifier', 'rules', 'template', 'template/go', 'template/language'] },
}

/** The same of the kernels. */
const kernelFloors = ['base', 'codec', 'samples', 'series', 'batch', 'ingest', 'upkeep', 'query', '.']

describe('imports', () => {
  it('point from an area only to the areas below it', () => {
    const wrong: string[] = []
    for (const file of files.values()) {
      const from = areaOf(file.path)
      const allowed = mayImport[from]
      if (allowed === undefined || isTest(file.path)) continue
      for (const target of file.imports) {
        const to = areaOf(target)
        if (to !== from && !allowed.includes(to)) wrong.push(`${file.path} imports ${target}`)
      }
    }
    expect(wrong).toEqual([])
  })

  it('point from a folder inside an area only to the folders below it', () => {
    const wrong = Object.entries(floors).flatMap(([area, order]) => {
      const inside = [...files.values()].filter(({ path }) => areaOf(path) === area && !isTest(path))
      return upwardArrows(inside, `${area}/`, order)
    })
    expect(wrong).toEqual([])
    expect(upwardArrows([...kernels.values()], kernelFolder, kernelFloors)).toEqual([])
  })

  it('enter another area by its doors', () => {
    const wrong: string[] = []
    for (const file of files.values()) {
      if (isTest(file.path)) continue
      for (const target of file.imports) {
        const folders = doors[areaOf(target)]?.[areaOf(file.path)]
        const folder = dirname(target).split('/').slice(1).join('/') || '.'
        if (folders !== undefined && !folders.includes(folder)) wrong.push(`${file.path} imports ${target}`)
      }
    }
    expect(wrong).toEqual([])
  })

  it('do not form a cycle, not even by types', () => {
    expect(cyclesIn(files)).toEqual([])
    expect(cyclesIn(kernels)).toEqual([])
  })

  it('lead to every file from an entry, a worker or a test', () => {
    const imported = new Set([...files.values()].flatMap((file) => file.imports))
    const entries = /^(src\/main\.ts|src\/kernels\/build\.ts|src\/bundle\/(build|start)\.ts|src\/kernels\/webassembly\.d\.ts|vitest\.config\.ts|web\/ui\/(vite\.config\.ts|src\/main\.tsx)|bench\/|test\/)/
    const orphans = [...files.keys()].filter((path) => !imported.has(path) && !entries.test(path) && !path.endsWith('.test.ts'))
    expect(orphans).toEqual([])
  })

  it('use every export somewhere else', () => {
    const unused: string[] = []
    for (const file of files.values()) {
      const others = [...files.values()].filter((other) => other.path !== file.path && other.imports.includes(file.path)).map((other) => other.text)
      for (const [, name] of file.text.matchAll(/^export (?:async )?(?:function|const|class) (\w+)/gm)) {
        if (name !== undefined && !others.some((text) => new RegExp(`\\b${name}\\b`).test(text))) unused.push(`${file.path}: ${name}`)
      }
    }
    expect(unused.filter((line) => !line.includes('vite.config.ts') && !line.includes('vitest.config.ts'))).toEqual([])
  })
})

describe('sources', () => {
  it('lie in folders that can be taken in at a glance', () => {
    const counts = new Map<string, number>()
    for (const path of tracked) if (!path.endsWith('.test.ts')) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1)
    expect([...counts].filter(([, count]) => count > 24)).toEqual([])
  })

  it('skip no test and leave none alone', () => {
    const skipping = [...files.values()].filter((file) => file.path !== 'test/tidy.test.ts' && /\b(it|describe|test)\.(skip|only|todo|skipIf|runIf)\b/.test(file.text))
    expect(skipping.map((file) => file.path)).toEqual([])
  })

  it('begin with a comment that says what they are', () => {
    const silent = [...files.values()].filter((file) => !isTest(file.path) && !/^(#!.*\n)?\/[/*]/.test(file.text))
    expect(silent.map((file) => file.path)).toEqual([])
  })

  it('name no other file in comments and pages than there is', () => {
    const pages = published.filter((path) => path.endsWith('.md') && !path.startsWith('test/data/') && path !== 'CHANGELOG.md' && path !== 'bench/NOTES.md')
    const texts = [...pages.map((path) => ({ path, text: readFileSync(path, 'utf8') })), ...[...files.values(), ...kernels.values()].map(({ path, text }) => ({ path, text: commentsIn(text) }))]
    const gone = texts.flatMap(({ path, text }) => namesOfFiles(text).filter((name) => !tracked.some((one) => one === name || one.endsWith(`/${name}`))).map((name) => `${path}: ${name}`))
    expect(gone).toEqual([])
  })
})

/** The lines that are comments, whole or at their end. */
function commentsIn(text: string): string {
  return text.split('\n').filter((line) => /^\s*(?:\/\/|\/?\*)|\s\/\/ /.test(line)).join('\n')
}

/** `querier.ts`, `storage/querier/querier.ts`. */
function namesOfFiles(text: string): string[] {
  return [...text.matchAll(/(?<![\w/.-])(?:[\w.-]+\/)*\w+(?:\.test)?\.tsx?\b/g)].map(([name]) => name)
}

/** Files in folders without a place in `order`, and imports of what stands later in it. */
function upwardArrows(sources: readonly Source[], area: string, order: readonly string[]): string[] {
  const floorOf = (path: string) => order.indexOf(path.slice(area.length).split('/').slice(0, -1).join('/') || '.')
  return sources.flatMap(({ path, imports }) => {
    const floor = floorOf(path)
    const wrong = imports.filter((target) => target.startsWith(area) && floorOf(target) > floor).map((target) => `${path} imports ${target}`)
    return floor < 0 ? [`${path} is in a folder that has no place in ${area}`, ...wrong] : wrong
  })
}

/** Every way from a file back to itself, once. */
function cyclesIn(sources: ReadonlyMap<string, Source>): string[] {
  const done = new Set<string>()
  const cycles: string[] = []
  const visit = (path: string, trail: readonly string[]) => {
    if (trail.includes(path)) {
      cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '))
      return
    }
    if (done.has(path)) return
    for (const target of sources.get(path)?.imports ?? []) visit(target, [...trail, path])
    done.add(path)
  }
  for (const path of sources.keys()) visit(path, [])
  return cycles
}
