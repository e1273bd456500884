// The e-mail receiver: one SMTP session per mail. STARTTLS is demanded unless the configuration says otherwise, and the
// first mechanism of the server's own list that there are credentials for is used; both as Alertmanager does it.

import { errorText } from '../../src/base/assert.ts'
import type { EmailConfig } from '../config/receiverConfig.ts'
import type { EmailMessage } from './emailMessage.ts'
import { failForGood, type Attempt, type Integration, type Notification, type ReceiverDeps, type SendResult } from './receiver.ts'

export function createEmail(config: EmailConfig, deps: ReceiverDeps): Integration {
  async function send(notification: Notification, attempt: Attempt): Promise<SendResult> {
    // Loaded with the first mail, see smtpSession.ts.
    const [{ composeEmail }, { deliver }] = await Promise.all([import('./emailMessage.ts'), import('./smtpSession.ts')])
    let message: EmailMessage
    try {
      message = await composeEmail(config, deps.templates, notification)
    } catch (error) {
      return failForGood(errorText(error))
    }
    try {
      const { answer, refused } = await deliver(config, message, attempt)
      for (const reason of refused) deps.logger.warn('A recipient was refused', { integration: `email[${config.index}]`, err: reason })
      const rest = refused.length === 0 ? '' : `; refused: ${refused.join('; ')}`
      return { ok: true, answer: `${answer}${rest}`, rendered: message.bytes.toString('utf8') }
    } catch (error) {
      const failure = attempt.signal.aborted ? 'contextCanceled' : 'other'
      // Almost everything a mail server says may be different in a moment.
      return { ok: false, retry: true, reason: errorText(error), failure }
    }
  }

  return {
    name: 'email',
    index: config.index,
    sendResolved: config.sendResolved,
    send,
    templateTexts: () => [
      { place: 'to', text: config.to },
      { place: 'from', text: config.from },
      { place: 'text', text: config.text },
      { place: 'html', text: config.html },
      ...Object.entries(config.headers).map(([name, text]) => ({ place: `headers.${name}`, text })),
    ],
    close: () => Promise.resolve(),
  }
}
