// Files by a glob as Go's filepath.Glob has it: `*`, `?` and `[...]` within a path segment, no `**`.

import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Paths that match, sorted; none is fine, and so is a plain path that does not exist. */
export function globFiles(pattern: string): string[] {
  const isRooted = pattern.startsWith('/')
  let found = [isRooted ? '/' : '']
  const segments = pattern.split('/').filter((segment) => segment !== '')
  segments.forEach((segment) => {
    found = found.flatMap((directory) => expand(directory, segment))
  })
  return found
}

function expand(directory: string, segment: string): string[] {
  if (!/[*?[\\]/.test(segment)) {
    const path = join(directory, segment)
    return statSync(path, { throwIfNoEntry: false }) === undefined ? [] : [path]
  }
  const matches = segmentPattern(segment)
  return listNames(directory === '' ? '.' : directory)
    .filter((name) => matches.test(name))
    .sort()
    .map((name) => join(directory, name))
}

function listNames(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return [] // what is not there, or may not be read, matches nothing
  }
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
