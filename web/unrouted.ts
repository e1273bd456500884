// Requests that no route takes. What only spells a path differently, with doubled or trailing slashes or dots in it, is sent
// to the path; a method that no path takes is refused as such; the rest is not found.

import type { Answer } from './answer.ts'
import { methodNotAllowed, plain, redirect } from './answer.ts'
import type { Route } from './openApi.ts'

/** No route has a longer path. One of 1 MiB would hold up the main thread. */
const maxPathLength = 16 * 1024

export type UnroutedOptions = {
  /** `` or `/path`. */
  readonly prefix: string
  /** Without the prefix. */
  readonly routes: () => readonly Route[]
}

export function answerUnrouted({ method, url }: { readonly method: string; readonly url: string }, options: UnroutedOptions): Answer {
  const queryAt = url.indexOf('?')
  const path = queryAt < 0 ? url : url.slice(0, queryAt)
  if (path.length > maxPathLength) return notFound
  const clean = cleanPath(path)
  for (const found of [clean, clean.replace(/\/$/, '')]) {
    const route = routeOf(found, options)
    if (route === undefined) continue
    if (found === path) return methodNotAllowed(route.methods)
    // A client that follows a 301 asks again without its body.
    return redirect(found + (queryAt < 0 ? '' : url.slice(queryAt)), method === 'GET' || method === 'HEAD' ? 301 : 308)
  }
  return notFound
}

const notFound = plain(404, '404 page not found\n')

/** Without empty segments, `.` and `..`; a slash at the end stays. */
function cleanPath(path: string): string {
  const segments: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(segment)
  }
  const end = segments.length > 0 && path.endsWith('/') ? '/' : ''
  return `/${segments.join('/')}${end}`
}

function routeOf(path: string, { prefix, routes }: UnroutedOptions): Route | undefined {
  if (!path.startsWith(`${prefix}/`)) return undefined
  const segments = path.slice(prefix.length).split('/')
  return routes().find((route) => matches(segments, route.path.split('/')))
}

/** Whether a path is one of those a pattern with `:name` and a final `*` stands for. */
function matches(segments: readonly string[], pattern: readonly string[]): boolean {
  if (pattern.at(-1) !== '*' && segments.length !== pattern.length) return false
  return pattern.every((part, i) => {
    const segment = segments[i]
    if (segment === undefined) return false
    return part === '*' || (part.startsWith(':') ? segment !== '' : part === segment)
  })
}
