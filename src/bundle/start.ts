// The entry of the bundle, which the launcher prefers to src/main.ts: that main.ts as it was bundled, or, when a source has
// changed since, the source itself.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isUpToDate } from './sources.ts'

const root = join(import.meta.dirname, '../..')
if (isUpToDate(root, join(root, 'dist'))) await import('../main.ts')
else await import(pathToFileURL(join(root, 'src/main.ts')).href)
