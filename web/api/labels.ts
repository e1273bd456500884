// Series, label names and label values: what the storage knows, without samples.

import { QueryError } from '../../query/queryError.ts'
import { isLabelName } from '../../src/base/names.ts'
import type { Parts } from '../parts.ts'
import type { Router } from '../router.ts'
import type { WebRequest } from '../webRequest.ts'
import { readTimeRange } from './query.ts'

export function addLabelRoutes(router: Router, parts: () => Parts): void {
  router.getOrPost('/api/v1/series', (request) => parts().query.respond({ kind: 'series', ...readMetadataParams(request) }, request), { isDirect: true })
  router.getOrPost('/api/v1/labels', (request) => parts().query.respond({ kind: 'labels', ...readMetadataParams(request) }, request), { isDirect: true })
  router.get('/api/v1/label/:name/values', (request) => {
    const name = unescapeName(request.path['name'] ?? '')
    if (!isLabelName(name)) throw new QueryError('bad_data', `invalid label name: ${JSON.stringify(name)}`)
    return parts().query.respond({ kind: 'labelValues', name, ...readMetadataParams(request) }, request)
  }, { isDirect: true })
}

function readMetadataParams(request: WebRequest) {
  const { params } = request
  params.requireWellFormed()
  return { match: params.list('match[]'), limit: params.limit(), ...readTimeRange(request) }
}

/** `U__http_2e_status` means `http.status`; what is not well-formed stays as it is. */
export function unescapeName(name: string): string {
  if (!name.startsWith('U__')) return name
  const escaped = name.slice(3)
  if (!/^(?:[^_]|__|_[0-9a-fA-F]{1,6}_)*$/.test(escaped)) return name
  let isValid = true
  const plain = escaped.replace(/__|_([0-9a-fA-F]{1,6})_/g, (_, hex: string | undefined) => {
    if (hex === undefined) return '_'
    const code = Number.parseInt(hex, 16)
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) isValid = false
    return isValid ? String.fromCodePoint(code) : ''
  })
  return isValid ? plain : name
}
