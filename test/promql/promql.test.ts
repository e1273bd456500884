// Every script in `cases/`, on the in-memory model.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { createMemoryQuerier } from '../helpers/memoryQuerier.ts'
import { runScript, type WithSeries } from './runScript.ts'

const dir = join(import.meta.dirname, 'cases')
const scripts = readdirSync(dir).filter((name) => name.endsWith('.test'))

const inMemory: WithSeries = async (series, use) => use(createMemoryQuerier(series))

describe('scripts over samples in memory', () => {
  for (const name of scripts) it(name, () => runScript(readFileSync(join(dir, name), 'utf8'), name, inMemory))
})
