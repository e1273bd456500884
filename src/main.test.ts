// The process as a user starts it: exit codes, the line with the URL, signals.

import { spawn, spawnSync, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'

const dir = mkdtempSync(join(tmpdir(), 'solowatch-main-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

type Act = (process: Pick<ChildProcess, 'kill' | 'pid'>, output: () => string) => void | Promise<void>
type Run = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

/** Starts the process and gives it to `act` once `until` is in its output; resolves when it has ended. */
async function run(args: readonly string[], until = '', act: Act = () => {}): Promise<Run> {
  return follow(spawn(process.execPath, [resolve('src/main.ts'), ...args], { cwd: dir }), until, act)
}

function follow(child: ChildProcessWithoutNullStreams, until: string, act: Act): Promise<Run> {
  let stdout = ''
  let stderr = ''
  let acted = until === ''
  const look = () => {
    if (acted || !(stdout + stderr).includes(until)) return
    acted = true
    void act(child, () => stdout + stderr)
  }
  child.stdout.on('data', (bytes: Buffer) => {
    stdout += bytes.toString()
    look()
  })
  child.stderr.on('data', (bytes: Buffer) => {
    stderr += bytes.toString()
    look()
  })
  return new Promise((done) => child.once('close', (code) => done({ code, stdout, stderr })))
}

describe('src/main.ts', () => {
  it('prints version and help', async () => {
    expect(await run(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^solowatch, version \d/) })
    expect(await run(['--help'])).toMatchObject({ code: 0, stdout: expect.stringContaining('--storage.tsdb.path') })
  })

  it('is what the launcher starts, from anywhere and by a link to it', () => {
    symlinkSync(resolve('solowatch'), join(dir, 'linked'))
    const { status, stdout } = spawnSync('./linked', ['--version'], { cwd: dir, encoding: 'utf8' })
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^solowatch, version \d/)])
  })

  it('names the Node it needs when there is an older one only', () => {
    // A copy of the launcher finds no packages beside it.
    const bin = join(dir, 'bin')
    mkdirSync(bin)
    copyFileSync(resolve('solowatch'), join(dir, 'copied'))
    writeFileSync(join(bin, 'node'), '#!/bin/sh\necho v20.20.2\n', { mode: 0o755 })
    const { status, stderr } = spawnSync('./copied', ['--version'], { cwd: dir, encoding: 'utf8', env: { PATH: `${bin}:/bin` } })
    expect([status, stderr]).toEqual([1, `solowatch: error: needs Node 26 or later, the one on the PATH is v20.20.2; 'npm ci' brings it along\n`])
  })

  it('ends with 2 on a flag it does not know, and names the nearest', async () => {
    const { code, stderr } = await run(['--confg.file=x'])
    expect([code, stderr]).toEqual([2, `solowatch: error: unknown long flag '--confg.file', did you mean "--config.file"?, try --help\n`])
  })

  it('ends with 2 on a configuration that is wrong, before it opens anything', async () => {
    writeFileSync(join(dir, 'wrong.yml'), 'scrape_config: []\n')
    const { code, stderr } = await run(['--config.file=wrong.yml', '--storage.tsdb.path=untouched'])
    expect(code).toBe(2)
    expect(stderr).toContain('wrong.yml:1:1: scrape_config: unknown key, did you mean "scrape_configs"?')
  })

  it('ends with 1 when the address is taken', async () => {
    const { code, stderr } = await run(['--web.listen-address=192.0.2.1:1', '--storage.tsdb.path=taken'])
    expect(code).toBe(1)
    expect(stderr).toContain('cannot listen on 192.0.2.1:1')
  })

  it('runs without a configuration, says where it is, reloads on SIGHUP, and ends with 0 on SIGTERM', async () => {
    const { code, stdout, stderr } = await run(['--web.listen-address=127.0.0.1:0', '--storage.tsdb.path=own'], 'is ready', async (child, output) => {
      const url = /is ready: (\S+)/.exec(output())?.[1] ?? ''
      expect((await fetch(`${url}-/ready`)).status).toBe(200)
      child.kill('SIGHUP')
      await expect.poll(output).toContain('Completed loading of configuration file')
      child.kill('SIGTERM')
    })
    expect(stdout).toMatch(/^solowatch \d+\.\d+\.\d+ is ready: http:\/\/127\.0\.0\.1:\d+\/\n$/)
    expect([code, stderr.includes('See you next time!')]).toEqual([0, true])
  })

  it('ends when npm, which has started it, is told to', async () => {
    const npm = spawn('npm', ['start', '--', '--web.listen-address=127.0.0.1:0', `--storage.tsdb.path=${join(dir, 'ofNpm')}`])
    const { code, stderr } = await follow(npm, 'is ready', (child) => void child.kill('SIGTERM'))
    expect([code, stderr.includes('See you next time!')]).toEqual([0, true])
  })

  it('has queries and what V8 compiles wait behind the main thread', async () => {
    await run(['--web.listen-address=127.0.0.1:0', '--storage.tsdb.path=niced'], 'is ready', async (child, output) => {
      await fetch(`${/is ready: (\S+)/.exec(output())?.[1] ?? ''}api/v1/query?query=1`)
      await expect.poll(() => nicenesses(child.pid)).toMatchObject({ 'node-MainThread': [0], writer: [0], query: [10], 'node-V8Worker': [10, 10, 10, 10] })
      child.kill('SIGTERM')
    })
  })
})

/** By name of thread, as Linux knows it. */
function nicenesses(pid: number | undefined): Record<string, number[]> {
  const byName: Record<string, number[]> = {}
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const [, name = '', fields = ''] = /\((.*)\) (.*)/.exec(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')) ?? []
    byName[name] = [...(byName[name] ?? []), Number(fields.split(' ')[16])]
  }
  return byName
}
