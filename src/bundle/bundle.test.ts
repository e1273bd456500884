// The bundle of a copy of this installation, and what the launcher makes of it.

import { execFileSync } from 'node:child_process'
import { cpSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { freePort, startServer } from '../../test/helpers/servers.ts'

const root = join(mkdtempSync(join(tmpdir(), 'solowatch-bundle-')), 'a copy')
afterAll(() => rmSync(resolve(root, '..'), { recursive: true, force: true }))

const isNeeded = (path: string) => !path.endsWith('.test.ts') && !path.startsWith('web/ui')
for (const name of ['solowatch', 'package.json', 'src', 'alerting', 'ingest', 'query', 'storage', 'web']) cpSync(name, join(root, name), { recursive: true, filter: isNeeded })
symlinkSync(resolve('node_modules'), join(root, 'node_modules'))

const build = () => execFileSync(process.execPath, [join(root, 'src/bundle/build.ts')], { stdio: 'inherit' })
const version = () => execFileSync(join(root, 'solowatch'), ['--version'], { encoding: 'utf8' })
/** Changes a text in the only file that `pattern` finds. */
function edit(pattern: string, from: string, to: string): void {
  const [path = '', ...others] = globSync(pattern, { cwd: root })
  expect(others).toEqual([])
  const text = readFileSync(join(root, path), 'utf8')
  expect(text).toContain(from)
  writeFileSync(join(root, path), text.replace(from, to))
}
const source = readFileSync('src/version.ts', 'utf8')
const bundled = () => readdirSync(join(root, 'dist'))

beforeAll(() => {
  build()
  cpSync(join(root, 'dist'), join(root, 'built'), { recursive: true })
})

beforeEach(() => {
  writeFileSync(join(root, 'src/version.ts'), source)
  rmSync(join(root, 'dist'), { recursive: true })
  cpSync(join(root, 'built'), join(root, 'dist'), { recursive: true })
})

describe('a bundle', () => {
  it('is what starts while its sources are what it was made of', () => {
    edit('dist/version-*.js', 'solowatch, version', 'bundled, version')
    expect(version()).toMatch(/^bundled, version \d/)
  })

  it('gives way to sources that have changed', () => {
    edit('src/version.ts', 'solowatch, version', 'solowatch, Version')
    expect(version()).toMatch(/^solowatch, Version \d/)
  })

  it('gives way to sources when it is not whole', () => {
    edit('dist/version-*.js', 'solowatch, version', 'bundled, version')
    rmSync(join(root, 'dist/bundle.json'))
    expect(version()).toMatch(/^solowatch, version \d/)
  })

  it('gives way to sources when a file is missing, and is made anew then', () => {
    const [lost = ''] = globSync('serve-*.js', { cwd: join(root, 'dist') })
    edit('dist/version-*.js', 'solowatch, version', 'bundled, version')
    rmSync(join(root, 'dist', lost))
    expect(version()).toMatch(/^solowatch, version \d/)
    build()
    expect(bundled()).toContain(lost)
  })

  it('has the server load nothing of Node that plain HTTP does not need', async () => {
    const report = join(root, 'report.mjs')
    writeFileSync(report, "process.once('exit', () => process.stderr.write(process.moduleLoadList.join('\\n')))")
    const port = await freePort()
    const args = [`NODE_OPTIONS=--import=${pathToFileURL(report).href}`, join(root, 'solowatch'), `--storage.tsdb.path=${join(root, 'data')}`, `--web.listen-address=127.0.0.1:${port}`]
    const server = await startServer({ name: 'bundle', command: 'env', args, port, readyPath: '/-/ready' })
    await server.stop()
    const modules = server.output()
    expect(modules).toMatch(/^NativeModule http$/m)
    expect(modules).not.toMatch(/^NativeModule (https|http2|tls|internal\/deps\/undici\/undici)$/m)
  })

  it('is made anew of changed sources, and leaves a server that runs the files of the one before', () => {
    const [first = ''] = globSync('version-*.js', { cwd: join(root, 'dist') })
    edit('src/version.ts', 'solowatch, version', 'second, version')
    build()
    expect(version()).toMatch(/^second, version \d/)
    expect(bundled()).toContain(first)
    edit('src/version.ts', 'second, version', 'third, version')
    build()
    expect(version()).toMatch(/^third, version \d/)
    expect(bundled()).not.toContain(first)
  })
})
