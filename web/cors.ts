// Which other origins may read answers of the API.

import { RE2JS } from 're2js'

/** The headers that CORS adds to the answer to a request for `url` from a page of `origin`. */
export type Cors = (url: string, origin: string | undefined) => Readonly<Record<string, string>>

const none = {}
const vary = { vary: 'Origin' }
const allowed = {
  ...vary,
  'access-control-allow-headers': 'Accept, Authorization, Content-Type, Origin',
  'access-control-allow-methods': 'GET, POST, OPTIONS',
  'access-control-expose-headers': 'Date',
}

/** `originPattern` is a regular expression, anchored; `apiPath` the beginning of the URLs concerned. */
export function createCors(originPattern: string, apiPath: string): Cors {
  const allowsAll = originPattern === '.*'
  const pattern = RE2JS.compile(`^(?:${originPattern})$`)
  return (url, origin) => {
    if (!url.startsWith(apiPath)) return none
    if (origin === undefined) return vary
    if (allowsAll) return { ...allowed, 'access-control-allow-origin': '*' }
    return pattern.matches(origin) ? { ...allowed, 'access-control-allow-origin': origin } : allowed
  }
}
