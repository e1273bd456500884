// The table of receivers: from an integration's configuration to what sends it. A new receiver is a file beside this one
// and a line here.

import { unreachable } from '../../src/base/assert.ts'
import type { IntegrationConfig, ReceiverConfig, UnbuiltIntegrationConfig } from '../config/receiverConfig.ts'
import { createEmail } from './email.ts'
import { failForGood, type Integration, type ReceiverDeps } from './receiver.ts'
import { createSlack } from './slack.ts'
import { createWebhook } from './webhook.ts'

/** The integrations of a receiver, in their order. */
export function createIntegrations(config: ReceiverConfig, deps: ReceiverDeps): Integration[] {
  return config.integrations.map((integration) => createIntegration(integration, deps))
}

function createIntegration(config: IntegrationConfig, deps: ReceiverDeps): Integration {
  switch (config.kind) {
    case 'webhook':
      return createWebhook(config, deps)
    case 'slack':
      return createSlack(config, deps)
    case 'email':
      return createEmail(config, deps)
    case 'unbuilt':
      return createUnbuilt(config)
    default:
      return unreachable(config)
  }
}

/** Valid in Alertmanager but not built here: every notification fails with this said, and is recorded as failed. */
function createUnbuilt(config: UnbuiltIntegrationConfig): Integration {
  const failure = failForGood(`${config.type} is not built yet: this notification went nowhere; use webhook_configs, slack_configs or email_configs`)
  return {
    name: config.type,
    index: config.index,
    sendResolved: config.sendResolved,
    send: () => Promise.resolve(failure),
    templateTexts: () => [],
    close: () => Promise.resolve(),
  }
}
