// Preloaded into the process that is going to be killed (node --import), its threads included: wraps what storage calls of
// the file system and of SQLite, and kills the process at the point that KILL_AT names. Production code knows nothing of it.
//
// KILL_AT is `before|after <call> <part of the path> <nth>`, a call being rename, delete, sync, create, commit or checkpoint.

import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import Database from 'better-sqlite3'

const [when = '', call = '', part = '', nth = '1'] = (process.env['KILL_AT'] ?? '').split(' ')
let seen = 0

/** Runs `work`, and ends here when this is the point. */
function at<T>(name: string, path: string, work: () => T): T {
  const isPoint = name === call && path.includes(part) && ++seen === Number(nth)
  if (isPoint && when === 'before') process.kill(process.pid, 'SIGKILL')
  const result = work()
  if (isPoint) process.kill(process.pid, 'SIGKILL')
  return result
}

const { renameSync, rmSync, fsyncSync, openSync } = fs
const paths = new Map<number, string>()
fs.renameSync = (from, to) => at('rename', String(to), () => renameSync(from, to))
fs.rmSync = (path, options) => (fs.existsSync(path) ? at('delete', String(path), () => rmSync(path, options)) : rmSync(path, options))
fs.openSync = (path, flags, mode) => {
  const fd = openSync(path, flags, mode)
  paths.set(fd, String(path))
  return fd
}
fs.fsyncSync = (fd) => at('sync', paths.get(fd) ?? '', () => fsyncSync(fd))
syncBuiltinESMExports()

const { exec, pragma } = Database.prototype
Database.prototype.exec = function (this: Database.Database, source: string) {
  return source.startsWith('COMMIT') && this.inTransaction ? at('commit', this.name, () => exec.call(this, source)) : exec.call(this, source)
}
Database.prototype.pragma = function (this: Database.Database, source: string, options?: Database.PragmaOptions) {
  const run = () => pragma.call(this, source, options)
  if (source.startsWith('wal_checkpoint')) return at('checkpoint', this.name, run)
  return source.startsWith('user_version =') ? at('create', this.name, run) : run()
}
