// kubernetes_sd_configs. Outside a cluster, which is where solowatch lives, this is a discovery that fails and says why:
// the job has no targets and everything else runs. Listing and watching a cluster's API is not built.

import { access } from 'node:fs/promises'
import type { KubernetesDiscoveryConfig } from '../../src/base/config/discoveryConfig.ts'
import { errorText } from '../../src/base/assert.ts'
import type { Discoverer, DiscovererContext } from './discoverer.ts'
import { startPoller } from './poller.ts'

const serviceAccountDir = '/var/run/secrets/kubernetes.io/serviceaccount'

/** What is missing is looked for again: a mounted secret may come late. */
const retryMs = 60_000

export function startKubernetesDiscovery(config: KubernetesDiscoveryConfig, context: DiscovererContext): Discoverer {
  const refresh = async () => {
    context.metrics.kubernetesFailures.inc()
    throw new Error(await reasonForFailure(config))
  }
  const poller = startPoller({ intervalMs: retryMs, refresh, onFailure: context.fail, logger: context.logger })
  return { close: () => poller.close() }
}

async function reasonForFailure(config: KubernetesDiscoveryConfig): Promise<string> {
  const isInCluster = config.apiServer === '' && config.kubeconfigFile === ''
  if (isInCluster) {
    if (!process.env['KUBERNETES_SERVICE_HOST'] || !process.env['KUBERNETES_SERVICE_PORT'])
      return 'unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined'
    try {
      await access(`${serviceAccountDir}/token`)
      await access(`${serviceAccountDir}/ca.crt`)
    } catch (error) {
      return `unable to load in-cluster configuration: ${errorText(error)}`
    }
  }
  return `kubernetes_sd_configs with role ${config.role} is not built yet: solowatch does not list or watch a Kubernetes API`
}
