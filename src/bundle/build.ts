// Bundles the server and its threads into dist/, packages included: some 50 files instead of 700, which Node finds, reads and
// links in half the CPU time. Does nothing when the bundle is up to date. What runs is the same: nothing is renamed or made
// shorter, and a bundle whose sources have changed is not used (see start.ts).

import { existsSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { build, type Plugin } from 'rolldown'
import { isUpToDate, readRecord, recordName, writeRecord } from './sources.ts'

const root = join(import.meta.dirname, '../..')
const folder = join(root, 'dist')

const isOurs = (path: string) => !path.includes('/node_modules/')
/** The file of a thread's entry: `storage/writer/writer.ts` becomes `storage-writer-writer.js`. */
const threadFile = (path: string) => relative(root, path).replaceAll('/', '-').replace(/\.ts$/, '.js')

/** All modules that were looked at: one of which nothing is left in the bundle counts as well. */
const modules = new Set<string>()

/** Makes threads entries of their own; whatever else is found by the place of a source is still found by that place. */
const places: Plugin = {
  name: 'places',
  transform(code, path) {
    if (!path.startsWith('/')) return null // the bundler's own
    modules.add(path)
    if (!isOurs(path) || !code.includes('import.meta.')) return null
    const source = `../${relative(root, path)}`
    return code
      .replaceAll(/new URL\('(\.[^']+\.ts)', import\.meta\.url\)/g, (_, thread: string) => {
        const id = resolve(dirname(path), thread)
        this.emitFile({ type: 'chunk', id, fileName: threadFile(id) })
        return `new URL('./${threadFile(id)}', import.meta.own)`
      })
      .replaceAll('import.meta.url', `new URL('${source}', import.meta.own).href`)
      .replaceAll('import.meta.own', 'import.meta.url')
      .replaceAll('import.meta.dirname', `(import.meta.dirname + '/${dirname(source)}')`)
  },
}

/** V8 keeps the text of every file, in each thread that loads it: one character beyond ASCII doubles it. After `charset` such are in comments only. */
const plainComments: Plugin = {
  name: 'plain comments',
  renderChunk: (code) => code.replaceAll(/[^\x00-\x7f]/g, '?'),
}

async function bundle(): Promise<void> {
  const before = readRecord(folder)?.files ?? []
  rmSync(join(folder, recordName), { force: true })
  const { output } = await build({
    cwd: root,
    input: { start: join(root, 'src/bundle/start.ts') },
    platform: 'node',
    // Finds its binary beside itself.
    external: ['better-sqlite3'],
    plugins: [places, plainComments],
    output: { dir: folder, format: 'esm', chunkFileNames: '[name]-[hash].js', charset: 'ascii', comments: { legal: true, annotation: false, jsdoc: false } },
  })
  const files = output.map((file) => file.fileName)
  // A server that runs may load what it needs later, so the files of the bundle before this one stay for once.
  for (const name of readdirSync(folder)) if (!files.includes(name) && !before.includes(name)) rmSync(join(folder, name))
  const packages = new Set([...modules].filter((path) => !isOurs(path)).map(packageFile))
  const sources = [import.meta.filename, ...[...modules].filter(isOurs), ...packages]
  writeRecord(folder, { root, sources: sources.map((path) => relative(root, path)), files })
}

/** The package.json of a package's module: it has another version when the package is another one. */
function packageFile(path: string): string {
  // Not one deeper inside, which need not have a version.
  for (let at = dirname(path); ; at = dirname(at)) if (/\/node_modules\/(@[^/]+\/)?[^/@]+$/.test(at) && existsSync(join(at, 'package.json'))) return join(at, 'package.json')
}

if (!isUpToDate(root, folder)) await bundle()
