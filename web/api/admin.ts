// The admin endpoints, which change or copy what is stored: deletion of series and cleaning up after it. They are off unless
// --web.enable-admin-api is given.

import { QueryError } from '../../query/queryError.ts'
import { noContent } from '../answer.ts'
import type { Parts } from '../parts.ts'
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
  route('clean_tombstones', async () => {
    await parts().storage.cleanTombstones()
    return noContent
  })
}
