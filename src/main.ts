// The entry: `node src/main.ts <Prometheus's flags>`. Before anything else is loaded it becomes, by exec and so under the
// same process id, a Node that suits a server that mostly waits: 40 MB less memory, and half the start time from the second
// start on.

import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'

// A semi-space of 1 MiB: what a request leaves behind is dead at once, so larger ones only hold more garbage. And what a
// start leaves behind is collected right after it (base/settle.ts). Short calls would need V8's built-in functions mapped
// once more for each thread: 2 MB each, and no difference in CPU.
const nodeFlags = ['--max-semi-space-size=1', '--expose-gc', '--no-short-builtin-calls']

const environment = {
  // Types are not stripped again. Beside the packages, where nobody but the owner of the installation writes; where that
  // fails, it works without. It has to be there at the start, or the compiler that strips types is loaded for this file.
  NODE_COMPILE_CACHE: join(import.meta.dirname, '../node_modules/.cache/solowatch'),
  // Threads share what the C library holds free.
  MALLOC_ARENA_MAX: '1',
}

// Whoever gives Node flags of his own chooses all of them; afterwards it is this file that has given some.
if (process.execArgv.length === 0 && process.execve !== undefined) {
  process.execve(process.execPath, [process.execPath, ...nodeFlags, ...process.argv.slice(1)], { ...environment, ...process.env })
}

// Threads started from here on choose their own: a query leaves much behind while its results are still in use.
if (process.execArgv.join() === nodeFlags.join()) setFlagsFromString('--max-semi-space-size=0')

const { runCommand } = await import('./command.ts')
await runCommand(process.argv.slice(2))
