// Sorts alerts into aggregation groups by the routing tree, and flushes each group when its time has come. One timer for
// all groups; what a flush does is the pipeline's business. Made anew on each reload, and given the groups' times so far.

import { maxTimerMs } from '../../src/base/timer.ts'
import type { StateChange } from '../../storage/state.ts'
import type { Alert } from '../alerts/alert.ts'
import type { Clock } from './clock.ts'
import { firstFlushMs, Group, type FlushAlert, type GroupRecord } from './group.ts'
import { groupKeyOf, groupLabelsOf, matchRoutes, type RouteNode } from './route.ts'

/** A timer may come a moment early; a clock that goes back by more has been set. */
const setBackMs = 1_000

const recordKind = 'alertmanager.group'

export type Flush = {
  readonly group: Group
  readonly alerts: readonly FlushAlert[]
  /** The scheduled time of this flush; time intervals and repeats are judged by it. */
  readonly tickMs: number
  readonly nowMs: number
}

export type DispatcherDeps = {
  readonly clock: Clock
  readonly tree: RouteNode
  /** No flush before this. */
  readonly notBeforeMs: number
  /** Runs the pipeline; true when every integration has been told or has nothing to be told. */
  readonly runPipeline: (flush: Flush) => Promise<boolean>
  /** Called for each alert that has left all groups because it is resolved and told; answers with the change to write. */
  readonly settle: (fingerprint: string) => StateChange
  readonly write: (changes: readonly StateChange[]) => Promise<void>
  /** Times of groups that existed before a restart or reload, by id. */
  readonly earlier: ReadonlyMap<string, GroupRecord>
}

export class Dispatcher {
  readonly #deps: DispatcherDeps
  readonly #groups = new Map<string, Group>()
  /** The groups that hold an alert, by its fingerprint. */
  readonly #holders = new Map<string, Set<Group>>()
  #cancelTimer: (() => void) | undefined
  #timerMs = Infinity
  #stopped = false

  constructor(deps: DispatcherDeps) {
    this.#deps = deps
  }

  /** Puts the alert into its groups; answers with the changes to write. Groups it may create begin their group_wait. */
  insert(alert: Alert, nowMs: number): StateChange[] {
    const changes: StateChange[] = []
    for (const node of matchRoutes(this.#deps.tree, alert.labels)) {
      const labels = groupLabelsOf(node.config, alert.labels)
      const id = groupKeyOf(node.id, labels)
      let group = this.#groups.get(id)
      if (group === undefined) {
        group = new Group(node, labels, this.#startMs(id, node, alert, nowMs))
        this.#groups.set(id, group)
        changes.push(recordOf(group))
      }
      group.insert(alert)
      this.#holdersOf(alert.fingerprint).add(group)
    }
    this.#arm()
    return changes
  }

  groups(): Group[] {
    return [...this.#groups.values()]
  }

  holdersOf(fingerprint: string): readonly Group[] {
    return [...(this.#holders.get(fingerprint) ?? [])]
  }

  /** What the next dispatcher needs to go on in step. */
  records(): Map<string, GroupRecord> {
    return new Map(this.groups().map((group) => [group.id, group.record]))
  }

  /** No more flushes. Those under way are the deliveries' business. */
  stop(): void {
    this.#stopped = true
    this.#cancelTimer?.()
  }

  #startMs(id: string, node: RouteNode, alert: Alert, nowMs: number): number {
    const earlier = this.#deps.earlier.get(id)
    const startMs = earlier === undefined ? firstFlushMs(alert, node.config.groupWaitMs, nowMs) : Math.min(earlier.nextFlushMs, nowMs + Math.max(node.config.groupIntervalMs, node.config.groupWaitMs))
    return Math.max(startMs, this.#deps.notBeforeMs)
  }

  #holdersOf(fingerprint: string): Set<Group> {
    let holders = this.#holders.get(fingerprint)
    if (holders === undefined) this.#holders.set(fingerprint, (holders = new Set()))
    return holders
  }

  /** Sets the timer to the group that is due first. */
  #arm(): void {
    let nextMs = Infinity
    for (const group of this.#groups.values()) if (group.nextFlushMs < nextMs) nextMs = group.nextFlushMs
    if (this.#stopped || nextMs === this.#timerMs) return
    this.#cancelTimer?.()
    this.#timerMs = nextMs
    const waitMs = nextMs - this.#deps.clock.nowMs()
    this.#cancelTimer = nextMs === Infinity ? undefined : this.#deps.clock.setTimer(waitMs, () => this.#onTimer(nextMs, waitMs))
  }

  /** Called `waitMs` after it was `dueMs - waitMs`. */
  #onTimer(dueMs: number, waitMs: number): void {
    this.#timerMs = Infinity
    const nowMs = this.#deps.clock.nowMs()
    const earlyMs = dueMs - nowMs
    // The clock was set back meanwhile, or the groups would be told later by as much.
    if (earlyMs > setBackMs && waitMs <= maxTimerMs) for (const group of this.#groups.values()) group.nextFlushMs -= earlyMs
    for (const group of this.groups()) if (group.nextFlushMs <= nowMs) void this.#flush(group, nowMs)
    this.#arm()
  }

  async #flush(group: Group, nowMs: number): Promise<void> {
    const dueMs = group.nextFlushMs
    group.unfinishedMs ??= dueMs
    const tickMs = group.tick(nowMs)
    const alerts = group.snapshot(nowMs)
    const isComplete = await this.#deps.runPipeline({ group, alerts, tickMs, nowMs })
    if (this.#stopped) return
    if (group.unfinishedMs === dueMs) group.unfinishedMs = undefined
    const settled = isComplete ? group.dropResolved(alerts).filter((fingerprint) => this.#leave(fingerprint, group)) : []
    const changes = settled.map((fingerprint) => this.#deps.settle(fingerprint))
    if (group.size > 0) changes.push(recordOf(group))
    else if (this.#groups.get(group.id) === group) {
      this.#groups.delete(group.id)
      changes.push({ kind: recordKind, key: group.id, value: undefined })
    }
    this.#arm()
    await this.#deps.write(changes)
  }

  /** Whether the alert is in no group any more. */
  #leave(fingerprint: string, group: Group): boolean {
    const holders = this.#holders.get(fingerprint)
    holders?.delete(group)
    if (holders === undefined || holders.size > 0) return false
    this.#holders.delete(fingerprint)
    return true
  }
}

/** Groups of an earlier run, by id. */
export function readGroupRecords(records: ReadonlyMap<string, unknown>): Map<string, GroupRecord> {
  return new Map([...records].map(([id, value]) => [id, value as GroupRecord])) // what `recordOf` wrote
}

function recordOf(group: Group): StateChange {
  return { kind: recordKind, key: group.id, value: group.record }
}
