// Real servers as child processes, for end-to-end tests and benches: solowatch itself and its peers from Debian's
// packages. Each gets a free port and the directory it is given; whoever starts one stops it.

import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { resolve } from 'node:path'

export type RunningServer = {
  readonly name: string
  readonly url: string
  readonly port: number
  readonly pid: number
  /** What it has printed so far, both streams. */
  output(): string
  /** User and system time of all its threads. */
  cpuSeconds(): number
  residentBytes(): number
  /** Of these, the ones that are in no file: its own, while pages of a program or a library are shared and can be read again. */
  anonymousBytes(): number
  /** Sends the signal and resolves when the process has ended. */
  stop(signal?: NodeJS.Signals): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer()
    server.once('error', failed)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (address !== null && typeof address === 'object' ? done(address.port) : failed(new Error('no port'))))
    })
  })
}

export type StartOptions = {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly port: number
  /** Answers 2xx once the server can be used; or, where plain HTTP does not get that far, `isReady` says so. */
  readonly readyPath?: string
  readonly isReady?: () => Promise<boolean>
  readonly cwd?: string
  readonly timeoutMs?: number
}

/** Starts a server and resolves when it is ready. Rejects with its output when it ends or stays silent before that. */
export async function startServer(options: StartOptions): Promise<RunningServer> {
  const child = spawn(options.command, options.args, { ...(options.cwd !== undefined && { cwd: options.cwd }), stdio: ['ignore', 'pipe', 'pipe'] })
  const output: string[] = []
  child.stdout.on('data', (bytes: Buffer) => output.push(bytes.toString()))
  child.stderr.on('data', (bytes: Buffer) => output.push(bytes.toString()))
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((done, failed) => {
    child.once('exit', (code, signal) => done({ code, signal }))
    child.once('error', failed)
  })
  const url = `http://127.0.0.1:${options.port}`
  const answers = async () => (await fetch(`${url}${options.readyPath ?? '/'}`, { signal: AbortSignal.timeout(1_000) })).ok
  await untilReady(child, options.isReady ?? answers, ended, options, output)
  const pid = child.pid ?? -1
  return {
    name: options.name,
    url,
    port: options.port,
    pid,
    output: () => output.join(''),
    cpuSeconds: () => cpuSecondsOf(pid),
    residentBytes: () => statusBytes(pid, 'VmRSS'),
    anonymousBytes: () => statusBytes(pid, 'RssAnon'),
    stop: (signal = 'SIGTERM') => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      return ended
    },
  }
}

async function untilReady(child: ChildProcess, isReady: () => Promise<boolean>, ended: Promise<{ code: number | null }>, options: StartOptions, output: readonly string[]): Promise<void> {
  const deadlineMs = Date.now() + (options.timeoutMs ?? 30_000)
  let stopped = false
  ended.then(() => (stopped = true), () => (stopped = true))
  while (Date.now() < deadlineMs && !stopped) {
    const ready = await isReady().catch(() => false)
    if (ready) return
    await new Promise((done) => setTimeout(done, 25))
  }
  child.kill('SIGKILL')
  throw new Error(`${options.name} did not become ready${stopped ? ' but ended' : ''}:\n${output.join('')}`)
}

/** solowatch as a user starts it, on a free port with its data in `dir`. */
export async function startSolowatch(dir: string, args: readonly string[] = [], options: { readonly port?: number; readonly timeoutMs?: number } = {}): Promise<RunningServer> {
  const port = options.port ?? (await freePort())
  return startServer({
    name: 'solowatch',
    command: resolve('solowatch'),
    args: [`--storage.tsdb.path=${dir}`, `--web.listen-address=127.0.0.1:${port}`, ...args],
    port,
    readyPath: '/-/ready',
    ...(options.timeoutMs !== undefined && { timeoutMs: options.timeoutMs }),
  })
}

export async function startPrometheus(dir: string, configFile: string, args: readonly string[] = []): Promise<RunningServer> {
  const port = await freePort()
  return startServer({
    name: 'Prometheus',
    command: '/usr/bin/prometheus',
    args: [`--config.file=${configFile}`, `--storage.tsdb.path=${dir}`, `--web.listen-address=127.0.0.1:${port}`, ...args],
    port,
    readyPath: '/-/ready',
  })
}

export async function startVictoriaMetrics(dir: string, args: readonly string[] = []): Promise<RunningServer> {
  const port = await freePort()
  return startServer({
    name: 'VictoriaMetrics',
    command: '/usr/bin/victoria-metrics',
    args: [`-storageDataPath=${dir}`, `-httpListenAddr=127.0.0.1:${port}`, '-retentionPeriod=100y', ...args],
    port,
    readyPath: '/health',
  })
}

export async function startNodeExporter(): Promise<RunningServer> {
  const port = await freePort()
  return startServer({
    name: 'node_exporter',
    command: '/usr/bin/prometheus-node-exporter',
    args: [`--web.listen-address=127.0.0.1:${port}`],
    port,
    readyPath: '/metrics',
  })
}

/** Linux counts process times in hundredths of a second. */
const ticksPerSecond = 100

function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

function statusBytes(pid: number, field: 'VmRSS' | 'RssAnon'): number {
  const line = new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(line?.[1] ?? NaN) * 1024
}
