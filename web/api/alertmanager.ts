// The built-in Alertmanager's API, which alerting/ answers itself, and the list of external Alertmanagers.

import { alertmanagerV1Answer } from '../../alerting/api/alertmanagerApi.ts'
import { success } from '../answer.ts'
import type { Parts } from '../parts.ts'
import type { Router } from '../router.ts'

const allMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

export function addAlertmanagerRoutes(router: Router, parts: () => Parts): void {
  router.get('/api/v1/alertmanagers', () => {
    const { active, dropped } = parts().notifier.alertmanagers()
    const list = (urls: readonly string[]) => urls.map((url) => ({ url }))
    return success({ activeAlertmanagers: list(active), droppedAlertmanagers: list(dropped) })
  })
  router.route(allMethods, '/api/v2/*', (request) => {
    const path = request.url.split('?')[0] ?? ''
    return parts().alertmanager.respond({
      method: request.method,
      path: path.slice(path.indexOf('/api/v2') + '/api/v2'.length),
      query: request.rawQuery,
      contentType: request.header('content-type'),
      body: request.body,
    })
  })
  for (const path of ['status', 'receivers', 'silences', 'silence/:id']) router.get(`/api/v1/${path}`, () => alertmanagerV1Answer())
}
