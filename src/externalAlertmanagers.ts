// Joins the `alerting` section to the notifier: starts the discoveries that find Alertmanagers and compiles the relabel
// rules. Alerting itself knows neither, because both belong to ingest.

import type { AlertmanagerSet, Notifier, RelabelFunction } from '../alerting/notifier/notifier.ts'
import type { AlertingConfig, ExternalAlertmanagerConfig } from '../alerting/notifier/notifierConfig.ts'
import type { Discovery, DiscoverySet } from '../ingest/discovery/discovery.ts'
import { compileRelabel, relabel } from '../ingest/relabel.ts'
import { labelsFrom } from '../storage/model/labels.ts'
import type { Labels } from '../storage/model/labels.ts'
import type { Closable } from './base/closing.ts'
import type { RelabelConfig } from './base/config/relabelConfig.ts'

export type ExternalAlertmanagers = Closable & {
  apply(config: AlertingConfig, externalLabels: Labels): Promise<void>
}

type Deps = { readonly notifier: Pick<Notifier, 'apply' | 'refresh'>; readonly discovery: Discovery }

export function createExternalAlertmanagers({ notifier, discovery }: Deps): ExternalAlertmanagers {
  let watched: readonly DiscoverySet[] = []
  const replaceWatched = async (next: readonly DiscoverySet[]) => {
    const previous = watched
    watched = next
    await Promise.all(previous.map((set) => set.close()))
  }
  return {
    async apply(config, externalLabels) {
      const sets = config.alertmanagers.map((alertmanager, index) => {
        const found = discovery.watch({ name: 'notify', set: `config-${index}`, configs: alertmanager.discovery, onChange: () => notifier.refresh() })
        return { found, set: alertmanagerSet(alertmanager, found) }
      })
      notifier.apply({ externalLabels, relabelAlert: relabelFunction(config.alertRelabelConfigs), alertmanagers: sets.map(({ set }) => set) })
      await replaceWatched(sets.map(({ found }) => found))
    },
    close: () => replaceWatched([]),
  }
}

function alertmanagerSet(config: ExternalAlertmanagerConfig, found: DiscoverySet): AlertmanagerSet {
  const { scheme, pathPrefix, timeoutMs, http } = config
  return {
    scheme,
    pathPrefix,
    timeoutMs,
    http,
    targetGroups: () => found.groups().map((group) => group.targets.map((target) => labelsFrom({ ...group.labels, ...target }))),
    relabelTarget: relabelFunction(config.relabelConfigs),
    relabelAlert: relabelFunction(config.alertRelabelConfigs),
  }
}

function relabelFunction(configs: readonly RelabelConfig[]): RelabelFunction {
  const rules = compileRelabel(configs)
  return (labels) => relabel(labels, rules)
}
