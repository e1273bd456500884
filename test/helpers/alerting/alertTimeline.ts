// Runs a written timeline against the whole built-in Alertmanager on a fake clock, and gives back what was sent and when.
//
//   0:00 fire A severity=critical     an alert that holds until it is resolved
//   0:20 resolve A
//   0:25 silence alertname=A 10m      1:00 expire
//   0:30 down web                     every send of that integration fails, until: up
//   1:00 restart | crash | reload     crash: nothing is closed before the restart
//   1:00 back 1h                      the clock is set back; times here go on
//   0:30 -> web: A! B. first notification      expected: receiver, firing (!) and resolved (.) alerts, reason
//
// Times are [hours:]minutes:seconds[.ms].

import { Alertmanager } from '../../../alerting/alertmanager.ts'
import type { PostedAlert } from '../../../alerting/alerts/intake.ts'
import { checkMatchers, parseMatchers } from '../../../alerting/alerts/matchers.ts'
import { parseAlertmanagerConfig } from '../../../alerting/config/alertmanagerConfig.ts'
import type { Integration, Notification, SendResult } from '../../../alerting/receivers/receiver.ts'
import { parseDurationMs } from '../../../src/base/duration.ts'
import { silentLogger } from '../../../src/base/log.ts'
import { MetricRegistry } from '../../../src/base/selfMetrics.ts'
import { labelsFrom, labelValue } from '../../../storage/model/labels.ts'
import { FakeClock } from './fakeClock.ts'
import { createMemoryState, type MemoryState } from './memoryState.ts'

/** All timelines begin here; a Sunday. */
const timelineStartMs = Date.parse('2026-03-01T10:00:00Z')

export type TimelineResult = { readonly sent: readonly string[]; readonly state: MemoryState; readonly alertmanager: Alertmanager }

type Line = { readonly atMs: number; readonly words: readonly string[]; readonly text: string }

/** The expected lines of a script, as `runTimeline` prints what was sent. */
export function expectedOf(script: string): string[] {
  return linesOf(script).filter((line) => line.words[0] === '->').map((line) => `${formatTime(line.atMs)} ${line.words.join(' ')}`)
}

export async function runTimeline(yaml: string, script: string, options: { readonly untilMs?: number; readonly reloadYaml?: string } = {}): Promise<TimelineResult> {
  const lines = linesOf(script)
  const clock = new FakeClock(timelineStartMs)
  const sent: string[] = []
  const down = new Set<string>()
  const slow = new Map<string, number>()
  const silences: string[] = []
  let state = createMemoryState()
  let config = (await parseAlertmanagerConfig(yaml, 'alertmanager.yml', { checkMatchers })).config
  const create = () =>
    new Alertmanager({
      state: state.store,
      logger: silentLogger,
      registry: new MetricRegistry(),
      externalUrl: 'http://mon:9093',
      version: { version: '0.34.0', revision: '', branch: '', buildUser: '', buildDate: '', goVersion: '' },
      clock,
      random: () => 0.5,
      createIntegrations: (receiver) => receiver.integrations.map((integration): Integration => ({
        name: integration.kind === 'unbuilt' ? integration.type : integration.kind,
        index: integration.index,
        sendResolved: integration.sendResolved,
        send: (notification) => send(receiver.name, integration.index, notification),
        templateTexts: () => [],
        close: () => Promise.resolve(),
      })),
    })
  const send = async (receiver: string, index: number, { data }: Notification): Promise<SendResult> => {
    const name = index === 0 ? receiver : `${receiver}[${index}]`
    const delayMs = slow.get(name)
    if (delayMs !== undefined) await new Promise<void>((resolve) => clock.setTimer(delayMs, resolve))
    if (down.has(name)) return { ok: false, retry: true, reason: 'down', failure: 'serverError' }
    const alerts = data.alerts.map((alert) => `${labelValue(alert.labels, 'alertname')}${alert.status === 'firing' ? '!' : '.'}`)
    sent.push(`${formatTime(clock.steadyMs() - timelineStartMs)} -> ${name}: ${alerts.join(' ')} ${data.notificationReason}`)
    return { ok: true, answer: 'ok', rendered: '' }
  }
  let alertmanager = create()
  await alertmanager.apply(config)

  const starts = new Map<string, { readonly posted: PostedAlert }>()
  const act: Readonly<Record<string, (words: readonly string[]) => Promise<unknown>>> = {
    fire: async ([name = '', ...pairs]) => {
      const labels = labelsFrom({ alertname: name, ...Object.fromEntries(pairs.map((pair) => pair.split('='))) })
      const posted: PostedAlert = { labels, annotations: [], generatorUrl: '', startsAtMs: clock.nowMs(), endsAtMs: clock.nowMs() + 30 * 86_400_000 }
      starts.set(name, { posted })
      return alertmanager.post([posted])
    },
    resolve: async ([name = '']) => {
      const known = starts.get(name)
      if (known === undefined) throw new Error(`${name} was never fired`)
      const posted = { ...known.posted, endsAtMs: clock.nowMs() }
      starts.set(name, { posted })
      return alertmanager.post([posted])
    },
    resend: async ([name = '']) => {
      const known = starts.get(name)
      return known === undefined ? undefined : alertmanager.post([known.posted])
    },
    silence: async ([matcher = '', duration = '']) => {
      const matchers = parseMatchers(matcher).matchers.map(({ name, op, value }) => ({ name, value, isRegex: op.includes('~'), isEqual: op.startsWith('=') }))
      const nowMs = clock.nowMs()
      const input = { matchers, startsAtMs: nowMs, endsAtMs: nowMs + (parseDurationMs(duration) ?? 0), createdBy: '', comment: '', annotations: {} }
      silences.push(await alertmanager.silences.set(input, undefined, nowMs))
    },
    expire: async () => alertmanager.silences.expire(silences.pop() ?? '', clock.nowMs()),
    down: async ([name = '']) => down.add(name),
    up: async ([name = '']) => down.delete(name),
    slow: async ([name = '', duration = '']) => slow.set(name, parseDurationMs(duration) ?? 0),
    back: async ([duration = '']) => clock.setBack(parseDurationMs(duration) ?? 0),
    reload: async () => {
      if (options.reloadYaml !== undefined) config = (await parseAlertmanagerConfig(options.reloadYaml, 'alertmanager.yml', { checkMatchers })).config
      return alertmanager.apply(config)
    },
    restart: async () => {
      await alertmanager.close()
      state = state.reopen()
      alertmanager = create()
      return alertmanager.apply(config)
    },
    crash: async () => {
      // The old one is left as it is; without timers it never does anything again.
      clock.forgetTimers()
      state = state.reopen()
      alertmanager = create()
      return alertmanager.apply(config)
    },
  }
  for (const line of lines) {
    const [verb = '', ...words] = line.words
    if (verb === '->') continue
    await clock.advanceTo(timelineStartMs + line.atMs)
    const action = act[verb]
    if (action === undefined) throw new Error(`no such step: ${line.text}`)
    const done = action(words)
    await clock.advanceTo(timelineStartMs + line.atMs)
    await done
  }
  await clock.advanceTo(timelineStartMs + Math.max(options.untilMs ?? 0, ...lines.map((line) => line.atMs)))
  return { sent, state, alertmanager }
}

function linesOf(script: string): Line[] {
  return script
    .split('\n')
    .map((text) => text.replace(/#.*$/, '').trim())
    .filter((text) => text !== '')
    .map((text) => {
      const [time = '', ...words] = text.split(/\s+/)
      return { atMs: parseTime(time), words, text }
    })
}

function parseTime(text: string): number {
  return text.split(':').reduce((total, part) => total * 60 + Number(part), 0) * 1_000
}

function formatTime(ms: number): string {
  const seconds = ms / 1_000
  const hours = Math.floor(seconds / 3_600)
  const minutes = Math.floor((seconds % 3_600) / 60)
  const rest = Math.round((seconds % 60) * 1_000) / 1_000
  return `${hours > 0 ? `${hours}:` : ''}${hours > 0 ? String(minutes).padStart(2, '0') : minutes}:${String(rest).padStart(2, '0')}`
}
