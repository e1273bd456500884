// The routing tree at work: which nodes handle an alert, what group it then belongs to, and the keys that name both.
// The keys are Alertmanager's byte for byte, because receivers use them to recognise an incident.

import type { Labels } from '../../storage/model/labels.ts'
import { compileRawMatchers, formatMatchers, matchesAll, type AlertMatcher, type MatcherMode } from '../alerts/matchers.ts'
import type { RouteConfig } from '../config/routeConfig.ts'
import { quote } from '../template/go/goQuote.ts'

export type RouteNode = {
  readonly config: RouteConfig
  readonly matchers: readonly AlertMatcher[]
  /** `{}` for the root, then `/` and the matchers of each node on the way. Siblings with equal matchers share it. */
  readonly key: string
  /** The key, and a number when an earlier node has the same one: names the node. */
  readonly id: string
  readonly children: readonly RouteNode[]
}

/** Compiles the tree. Throws `MatcherError`. */
export function createRouteTree(config: RouteConfig, mode: MatcherMode): RouteNode {
  const seen = new Map<string, number>()
  const build = (node: RouteConfig, parentKey: string | undefined): RouteNode => {
    const matchers = compileRawMatchers(node.matchers, mode)
    const key = parentKey === undefined ? '{}' : `${parentKey}/${formatMatchers(matchers)}`
    const count = (seen.get(key) ?? 0) + 1
    seen.set(key, count)
    const children = node.routes.map((child) => build(child, key))
    return { config: node, matchers, key, id: count === 1 ? key : `${key}#${count}`, children }
  }
  return build(config, undefined)
}

/** The nodes that handle an alert with these labels, in the order of the tree. */
export function matchRoutes(node: RouteNode, labels: Labels): RouteNode[] {
  if (!matchesAll(node.matchers, labels)) return []
  const found: RouteNode[] = []
  for (const child of node.children) {
    const matched = matchRoutes(child, labels)
    found.push(...matched)
    if (matched.length > 0 && !child.config.continue) break
  }
  return found.length > 0 ? found : [node]
}

/** All nodes, parents first. */
export function allRoutes(node: RouteNode): RouteNode[] {
  return [node, ...node.children.flatMap(allRoutes)]
}

/** The labels by which the node groups an alert; those that the alert lacks are left out. */
export function groupLabelsOf(config: RouteConfig, labels: Labels): Labels {
  if (config.groupByAll) return labels
  return labels.filter((label) => config.groupBy.includes(label.name))
}

/** The key that receivers get: the route's key and the group's labels. */
export function groupKeyOf(routeKey: string, groupLabels: Labels): string {
  return `${routeKey}:{${groupLabels.map(({ name, value }) => `${name}=${quote(value)}`).join(', ')}}`
}
