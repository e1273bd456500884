// What the notification stages need of a receiver, and what one answers. Each kind of receiver is a file beside this one;
// alerting/receivers/receivers.ts is the table of them.

import type { Logger } from '../../src/base/log.ts'
import type { NotificationData } from '../template/notificationData.ts'
import type { NotificationTemplates } from '../template/notificationTemplates.ts'

/** One notification for one integration: everything a message is made of. */
export type Notification = {
  readonly data: NotificationData
  readonly groupKey: string
  /** The times of the alerts as their senders wrote them, by fingerprint, where that says more than milliseconds. */
  readonly timeTexts: ReadonlyMap<string, { readonly startsAt?: string; readonly endsAt?: string }>
  /** What this integration remembered of the group; empty when this begins a new message. */
  readonly memory: Readonly<Record<string, string>>
  readonly nowMs: number
}

/** Alertmanager's classes of failures, as its metrics count them. */
export const failureReasons = ['other', 'clientError', 'serverError', 'contextCanceled', 'contextDeadlineExceeded', 'authError', 'rateLimited'] as const
export type FailureReason = (typeof failureReasons)[number]

export type SendResult =
  | {
      readonly ok: true
      /** What the receiver said, for the ledger. */
      readonly answer: string
      /** The message as it was sent, for the ledger. Never a secret. */
      readonly rendered: string
      readonly memory?: Readonly<Record<string, string>>
    }
  | {
      readonly ok: false
      /** Whether the same might work in a moment. If not, the next tick of the group tries again. */
      readonly retry: boolean
      readonly reason: string
      readonly failure: FailureReason
      /** The receiver asked to be left alone for this long. */
      readonly retryAfterMs?: number
    }

export type Integration = {
  /** Such as `slack`. */
  readonly name: string
  /** Position among the receiver's integrations of this kind. */
  readonly index: number
  readonly sendResolved: boolean
  /** One attempt. Never throws for what the network or the receiver does. */
  send(notification: Notification, attempt: Attempt): Promise<SendResult>
  /** Template texts with where they stand, to be checked when the configuration is loaded. */
  templateTexts(): readonly { readonly place: string; readonly text: string }[]
  close(): Promise<void>
}

export type Attempt = {
  /** How long this attempt may take. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** What a receiver is built with besides its configuration. */
export type ReceiverDeps = {
  readonly templates: NotificationTemplates
  readonly userAgent: string
  readonly logger: Logger
}

/** The first `count - 1` characters and an ellipsis, when there are more than `count`; characters are code points. */
export function truncateCharacters(text: string, count: number): { readonly text: string; readonly truncated: boolean } {
  if (text.length <= count) return { text, truncated: false }
  const characters = [...text]
  if (characters.length <= count) return { text, truncated: false }
  if (count <= 3) return { text: characters.slice(0, count).join(''), truncated: true }
  return { text: `${characters.slice(0, count - 1).join('')}…`, truncated: true }
}

/** A failure that the configuration causes, such as a bad template: the same again would fail again. */
export function failForGood(reason: string): SendResult {
  return { ok: false, retry: false, reason, failure: 'other' }
}
