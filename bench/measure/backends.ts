// The three servers that a bench compares, each started with what it needs to take remote writes, one after the other so
// that they do not share the machine.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPrometheus, startSolowatch, startVictoriaMetrics, type RunningServer } from '../../test/helpers/servers.ts'

/** Starts a server on the directory; again on the same directory to see how it comes back. */
export type Backend = (dir: string) => Promise<RunningServer>

const solowatchBackend: Backend = (dir) => startSolowatch(join(dir, 'data'), [`--config.file=${emptyConfig(dir)}`])
const prometheusBackend: Backend = (dir) => startPrometheus(join(dir, 'data'), emptyConfig(dir), ['--web.enable-remote-write-receiver'])
const victoriaBackend: Backend = (dir) => startVictoriaMetrics(join(dir, 'data'))

/** In the order in which `printComparison` wants their values. */
export const backends: readonly Backend[] = [solowatchBackend, prometheusBackend, victoriaBackend]

/** A directory that goes when the work is done. */
export async function inBenchDir<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'solowatch-bench-'))
  try {
    return await work(dir)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Runs `measure` on a fresh server of each kind and returns what it found, solowatch first. */
export async function measureEach<T>(measure: (server: RunningServer) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  for (const start of backends) {
    results.push(
      await inBenchDir(async (dir) => {
        const server = await start(dir)
        try {
          return await measure(server)
        } finally {
          await server.stop()
        }
      }),
    )
  }
  return results
}

export function emptyConfig(dir: string): string {
  const path = join(dir, 'empty.yml')
  writeFileSync(path, 'global: {}\n')
  return path
}
