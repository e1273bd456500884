// The admin endpoints, which change or copy what is stored: deletion of series, cleaning up after it,
// snapshots, backfill. They are off unless --web.enable-admin-api is given.

import { BackfillRefusedError, readBackfill, storeBackfill } from '../../ingest/exposition/backfill.ts'
import { ExpositionError } from '../../ingest/exposition/text/expositionLexer.ts'
import { invalidParameter, QueryError } from '../../query/queryError.ts'
import { sortLabels, type Label } from '../../storage/model/labels.ts'
import { noContent, success } from '../answer.ts'
import { requireBrief } from '../brief.ts'
import type { Parts } from '../parts.ts'
import type { RequestParams } from '../requestParams.ts'
import type { Handler, RouteOptions, Router } from '../router.ts'

export function addAdminRoutes(router: Router, parts: () => Parts, options: { readonly isEnabled: boolean }): void {
  const route = (name: string, handler: Handler, routeOptions?: RouteOptions) => {
    const guarded: Handler = (request) => {
      if (!options.isEnabled) throw new QueryError('unavailable', 'admin APIs disabled')
      return handler(request)
    }
    router.route(['POST', 'PUT'], `/api/v1/admin/tsdb/${name}`, guarded, routeOptions)
  }

  route('delete_series', async ({ params }) => {
    if (!params.has('match[]')) throw new QueryError('bad_data', 'no match[] parameter provided')
    requireBrief(params.list('match[]'))
    const range = { minTimeMs: params.timeMs('start') ?? -Infinity, maxTimeMs: params.timeMs('end') ?? Infinity }
    await parts().storage.deleteSeries(params.selectors('match[]'), range)
    return noContent
  })
  route('snapshot', async ({ params }) => success({ name: await parts().storage.snapshot({ skipHead: skipHeadOf(params) }) }))
  // Not an endpoint of Prometheus: what `create-blocks-from openmetrics` sends to a running server.
  route('import', async ({ body, params }) => success({ samples: await importOpenMetrics(parts(), body, params) }), { bodyLimitBytes: 64 * 1024 * 1024 })
  route('clean_tombstones', async () => {
    await parts().storage.cleanTombstones()
    return noContent
  })
}

/** Returns how many samples there were. The lines before one that cannot be stored are stored. */
async function importOpenMetrics({ storage }: Parts, body: Uint8Array, params: RequestParams): Promise<number> {
  const labels = params.list('label').map((text): Label => {
    const [, name = '', value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? []
    if (name === '') throw invalidParameter('label', 'expected name=value')
    return { name, value }
  })
  const appender = storage.backfillAppender()
  let count = 0
  try {
    await readBackfill([body], { labels: sortLabels(labels), latestMs: Date.now() }, async (samples) => {
      count += samples.length
      await storeBackfill(samples, appender)
    })
  } catch (error) {
    throw error instanceof ExpositionError || error instanceof BackfillRefusedError ? new QueryError('bad_data', error.message) : error
  }
  return count
}

function skipHeadOf(params: RequestParams): boolean {
  try {
    return params.bool('skip_head')
  } catch {
    throw invalidParameter('skip_head', `unable to parse boolean: strconv.ParseBool: parsing ${JSON.stringify(params.text('skip_head'))}: invalid syntax`)
  }
}
