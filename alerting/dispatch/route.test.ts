import { describe, expect, it } from 'vitest'
import { labelsFrom } from '../../storage/model/labels.ts'
import type { RouteConfig } from '../config/routeConfig.ts'
import { createRouteTree, groupKeyOf, groupLabelsOf, matchRoutes } from './route.ts'

const position = { file: 'alertmanager.yml', line: 1, column: 1 }

function route(receiver: string, matcher: string | undefined, over: Partial<RouteConfig> = {}): RouteConfig {
  return {
    receiver, groupBy: ['alertname', 'cluster'], groupByAll: false, groupWaitMs: 1, groupIntervalMs: 1, repeatIntervalMs: 1,
    matchers: matcher === undefined ? [] : [{ kind: 'text', text: matcher, position }],
    muteTimeIntervals: [], activeTimeIntervals: [], continue: false, labels: {}, routes: [], position, ...over,
  }
}

describe('matchRoutes', () => {
  const tree = createRouteTree(
    route('root', undefined, {
      routes: [
        route('a', 'team=a', { routes: [route('a-critical', 'severity=critical')] }),
        route('log', 'team=~"a|b"', { continue: true }),
        route('b', 'team=b', { routes: [route('never', 'x=y')] }),
        route('b2', 'team=b'),
        route('b3', 'team=b'),
      ],
    }), 'fallback')
  const goes = (set: Record<string, string>, expected: readonly string[]) =>
    it(`${JSON.stringify(set)} to ${expected.join()}`, () => expect(matchRoutes(tree, labelsFrom(set)).map((node) => node.config.receiver)).toEqual(expected))

  goes({ team: 'a' }, ['a'])
  goes({ team: 'a', severity: 'critical' }, ['a-critical'])
  goes({ team: 'b', severity: 'critical' }, ['log', 'b'])
  goes({ team: 'c' }, ['root'])

  it('keys are Alertmanager’s, and ids tell equal siblings apart', () => {
    expect(tree.children.map((node) => node.key)).toEqual(['{}/{team="a"}', '{}/{team=~"a|b"}', '{}/{team="b"}', '{}/{team="b"}', '{}/{team="b"}'])
    expect(tree.children.map((node) => node.id).slice(2)).toEqual(['{}/{team="b"}', '{}/{team="b"}#2', '{}/{team="b"}#3'])
  })
})

describe('groups', () => {
  it('leave out labels the alert lacks', () => {
    const labels = labelsFrom({ alertname: 'HighCPU', severity: 'critical' })
    expect(groupKeyOf('{}', groupLabelsOf(route('x', undefined), labels))).toBe('{}:{alertname="HighCPU"}')
    expect(groupKeyOf('{}', groupLabelsOf(route('x', undefined, { groupBy: [], groupByAll: true }), labels))).toBe('{}:{alertname="HighCPU", severity="critical"}')
    expect(groupKeyOf('{}', groupLabelsOf(route('x', undefined, { groupBy: [] }), labels))).toBe('{}:{}')
  })

  it('print values as Go quotes them', () => {
    expect(groupKeyOf('{}', labelsFrom({ a: 'q"\\\n\u0001é🙂' }))).toBe('{}:{a="q\\"\\\\\\n\\x01é🙂"}')
  })
})
