// The admin endpoints, which change or copy what is stored: deletion of series, cleaning up after it,
// snapshots. They are off unless --web.enable-admin-api is given.

import { invalidParameter, QueryError } from '../../query/queryError.ts'
import { noContent, success } from '../answer.ts'
import type { Parts } from '../parts.ts'
import type { RequestParams } from '../requestParams.ts'
import type { Handler, Router } from '../router.ts'

export function addAdminRoutes(router: Router, parts: () => Parts, options: { readonly isEnabled: boolean }): void {
  const route = (name: string, handler: Handler) =>
    router.route(['POST', 'PUT'], `/api/v1/admin/tsdb/${name}`, (request) => {
      if (!options.isEnabled) throw new QueryError('unavailable', 'admin APIs disabled')
      return handler(request)
    })

  route('delete_series', async ({ params }) => {
    if (!params.has('match[]')) throw new QueryError('bad_data', 'no match[] parameter provided')
    const range = { minTimeMs: params.timeMs('start') ?? -Infinity, maxTimeMs: params.timeMs('end') ?? Infinity }
    await parts().storage.deleteSeries(params.selectors('match[]'), range)
    return noContent
  })
  route('snapshot', async ({ params }) => success({ name: await parts().storage.snapshot({ skipHead: skipHeadOf(params) }) }))
  route('clean_tombstones', async () => {
    await parts().storage.cleanTombstones()
    return noContent
  })
}

function skipHeadOf(params: RequestParams): boolean {
  try {
    return params.bool('skip_head')
  } catch {
    throw invalidParameter('skip_head', `unable to parse boolean: strconv.ParseBool: parsing ${JSON.stringify(params.text('skip_head'))}: invalid syntax`)
  }
}
