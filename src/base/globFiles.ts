// Files by a glob as Go's filepath.Glob has it: `*`, `?` and `[...]` within a path segment, no `**`.

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Paths that match, sorted; none is fine, and so is a plain path that does not exist. */
export async function globFiles(pattern: string): Promise<string[]> {
  let found = [pattern.startsWith('/') ? '/' : '']
  for (const segment of pattern.split('/').filter((part) => part !== '')) {
    const next = await Promise.all(found.map((directory) => expand(directory, segment)))
    found = next.flat()
  }
  return found
}

async function expand(directory: string, segment: string): Promise<string[]> {
  if (!/[*?[\\]/.test(segment)) {
    const path = join(directory, segment)
    return (await exists(path)) ? [path] : []
  }
  const matches = segmentPattern(segment)
  const names = await listNames(directory === '' ? '.' : directory)
  return names
    .filter((name) => matches.test(name))
    .sort()
    .map((name) => join(directory, name))
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** What is not there, or may not be read, has no names. */
function listNames(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => [])
}

function segmentPattern(segment: string): RegExp {
  let source = ''
  for (let i = 0; i < segment.length; i++) {
    const char = segment[i] ?? ''
    const close = char === '[' ? segment.indexOf(']', i + 2) : -1
    if (char === '*') source += '.*'
    else if (char === '?') source += '.'
    else if (close > 0) {
      source += `[${segment.slice(i + 1, close).replaceAll('[', '\\[')}]`
      i = close
    } else if (char === '\\' && i + 1 < segment.length) source += RegExp.escape(segment[++i] ?? '')
    else source += RegExp.escape(char)
  }
  return new RegExp(`^${source}$`, 'su')
}
