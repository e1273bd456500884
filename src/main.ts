// The entry. `./solowatch` starts it with the flags of Node that suit it; whoever runs `node src/main.ts` gets the same by exec,
// under the same process id, a tenth of a second later.

import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'

const launcher = join(import.meta.dirname, '../solowatch')

// Whoever gives Node flags of his own chooses all of them; the launcher gives some.
if (process.execArgv.length === 0 && process.execve !== undefined) process.execve('/bin/sh', ['sh', launcher, ...process.argv.slice(2)], process.env)

// One that is too old but reads this file would fail later, at something that names no version. Node 20 does not read it.
if (Number.parseInt(process.versions.node) < 26) {
  process.stderr.write(`solowatch: error: needs Node 26 or later, this is ${process.version}; './solowatch' starts the one that 'npm ci' brings along\n`)
  process.exit(1)
}

// Threads started from here on choose their own: a query leaves much behind while its results are still in use.
if (process.execArgv.includes('--max-semi-space-size=1')) setFlagsFromString('--max-semi-space-size=0')

const { runCommand } = await import('./command.ts')
await runCommand(process.argv.slice(2))
