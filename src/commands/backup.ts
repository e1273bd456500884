// `solowatch backup DIR`: a consistent copy of a data directory. One that no server uses is copied directly; a running
// server is asked for a snapshot, which is then moved to DIR.

import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { isDataDirInUse } from '../../storage/files/lock.ts'
import { copyClosedDataDir } from '../../storage/writer/snapshot.ts'
import { errorText } from '../base/assert.ts'
import { UsageError } from '../flags/usageError.ts'
import { readArguments } from './arguments.ts'

const usage = `Usage: solowatch backup DIR [--storage.tsdb.path=data/] [--url=http://localhost:9090]
  Copies the data directory to DIR, which must not exist or be empty; start solowatch on DIR to use the copy.
  A running server must have been started with --web.enable-admin-api.
`

const options = {
  'storage.tsdb.path': { type: 'string', default: 'data/' },
  url: { type: 'string', default: 'http://localhost:9090' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** Throws `UsageError` when the arguments cannot be used, any other error when the copy cannot be made; then DIR is not there. */
export async function runBackup(args: readonly string[]): Promise<void> {
  const { values, positionals } = readArguments(args, options, usage)
  if (values.help) {
    process.stdout.write(usage)
    return
  }
  const [given] = positionals
  if (given === undefined || positionals.length !== 1) throw new UsageError(`backup needs one directory\n${usage}`)
  const target = resolve(given)
  const dir = resolve(values['storage.tsdb.path'])
  if (!existsSync(dir)) throw new UsageError(`${dir}: there is no such directory; say where the data is with --storage.tsdb.path`)
  if (existsSync(target) && readdirSync(target).length > 0) throw new UsageError(`${target} is not empty; choose a new directory`)
  rmSync(target, { recursive: true, force: true })
  if (isDataDirInUse(dir)) await takeSnapshot({ dir, target, url: values.url })
  else copyClosedDataDir(dir, target)
  process.stdout.write(`${target}\n`)
}

/** Asks the server that uses `dir`. */
async function takeSnapshot({ dir, target, url }: { readonly dir: string; readonly target: string; readonly url: string }): Promise<void> {
  const endpoint = `${url.replace(/\/$/, '')}/api/v1/admin/tsdb/snapshot`
  const response = await fetch(endpoint, { method: 'POST' }).catch((error: unknown) => {
    throw new Error(`${dir} is in use, and no server answers at ${endpoint}: ${errorText(error)}; say where it listens with --url`, { cause: error })
  })
  const answer = (await response.json().catch(() => ({}))) as { data?: { name?: unknown }; error?: unknown } // whatever JSON it is
  const name = answer.data?.name
  if (typeof name !== 'string') throw new Error(`${endpoint} answers ${response.status}: ${String(answer.error ?? 'no snapshot')}; start the server with --web.enable-admin-api`)
  const snapshot = join(dir, 'snapshots', name)
  if (!existsSync(snapshot)) throw new Error(`the server at ${url} made a snapshot, but not in ${dir}: is it the server of this directory?`)
  mkdirSync(dirname(target), { recursive: true })
  try {
    renameSync(snapshot, target)
  } catch {
    // Another file system.
    cpSync(snapshot, target, { recursive: true })
    rmSync(snapshot, { recursive: true })
  }
}
