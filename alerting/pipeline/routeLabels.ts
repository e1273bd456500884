// Route labels: templates on a route, rendered over the group's data. One may use another through `routeLabels`, so they
// are rendered until nothing changes.

import type { Label } from '../../storage/model/labels.ts'
import { compareBytes } from '../../storage/model/labels.ts'
import type { RouteConfig } from '../config/routeConfig.ts'
import type { NotificationData } from '../template/notificationData.ts'
import type { NotificationTemplates } from '../template/notificationTemplates.ts'

/** Sorted by name. Throws `TemplateError`, and an `Error` when labels use each other in a circle. */
export function renderRouteLabels(route: RouteConfig, templates: NotificationTemplates, data: NotificationData): Label[] {
  const names = Object.keys(route.labels).sort(compareBytes)
  let labels: Label[] = []
  for (let round = 0; round <= names.length; round++) {
    const next = names.map((name) => ({ name, value: templates.text(route.labels[name] ?? '', { ...data, routeLabels: labels }) }))
    if (round > 0 && next.every((label, index) => label.value === labels[index]?.value)) return next
    labels = next
  }
  if (names.length === 0) return []
  throw new Error(`route labels ${names.join(', ')} depend on each other in a circle`)
}
