// The entry: `node src/main.ts <Prometheus's flags>`. It turns on Node's compile cache before anything else is loaded:
// with it a second start takes 0.3 s instead of 0.55, and 20 MB less memory, because types need not be stripped again.

import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

// Beside the packages, where nobody but the owner of the installation writes; where that fails, it works without.
// Worker threads take it from the environment.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, '../node_modules/.cache/solowatch')
enableCompileCache(process.env['NODE_COMPILE_CACHE'])

const { runCommand } = await import('./command.ts')
await runCommand(process.argv.slice(2))
