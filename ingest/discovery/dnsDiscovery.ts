// dns_sd_configs: targets from SRV, A, AAAA, MX and NS records. A name that does not exist has no targets; a server that
// does not answer keeps the former ones.

import { promises as dns } from 'node:dns'
import { readFile } from 'node:fs/promises'
import type { DiscoveryConfig } from '../../src/base/config/discoveryConfig.ts'
import type { Discoverer, DiscovererContext } from './discoverer.ts'
import { startPoller } from './poller.ts'
import type { TargetGroup } from './targetGroup.ts'

type DnsDiscoveryConfig = Extract<DiscoveryConfig, { kind: 'dns' }>

/** The part of a resolver that is used; tests bring servers of their own. */
export type DnsResolver = Pick<InstanceType<typeof dns.Resolver>, 'resolveSrv' | 'resolve4' | 'resolve6' | 'resolveMx' | 'resolveNs'>

export type SearchList = { readonly domains: readonly string[]; readonly ndots: number }

export function startDnsDiscovery(config: DnsDiscoveryConfig, context: DiscovererContext): Discoverer {
  const groups = new Map<string, TargetGroup>()
  const refresh = (signal: AbortSignal) =>
    context.timed('dns', async () => {
      const resolver = new dns.Resolver()
      const cancel = () => resolver.cancel()
      signal.addEventListener('abort', cancel, { once: true })
      const search = await readSearchList()
      const failures: string[] = []
      await Promise.all(
        config.names.map(async (name) => {
          context.metrics.dnsLookups.inc()
          try {
            groups.set(name, { source: name, targets: await lookUp(resolver, config, name, search), labels: {} })
          } catch (error) {
            context.metrics.dnsLookupFailures.inc()
            failures.push(`could not resolve ${JSON.stringify(name)}: ${error instanceof Error ? error.message : String(error)}`)
          }
        }),
      )
      signal.removeEventListener('abort', cancel)
      context.update([...groups.values()])
      if (failures.length > 0) throw new Error(failures.join('; '))
    })
  const poller = startPoller({ intervalMs: config.refreshIntervalMs, refresh, onFailure: context.fail, logger: context.logger })
  return { close: () => poller.close() }
}

/** The targets of one name: the first of its full names that exists; none when all are known not to exist. */
export async function lookUp(
  resolver: DnsResolver,
  config: Pick<DnsDiscoveryConfig, 'type' | 'port'>,
  name: string,
  search: SearchList,
): Promise<Record<string, string>[]> {
  let failure: unknown
  for (const fullName of fullNames(name, search)) {
    try {
      const targets = await records(resolver, config, fullName)
      if (targets.length > 0) return targets.map((target) => ({ ...target, __meta_dns_name: name }))
    } catch (error) {
      const { code } = Object(error) as { code?: unknown } // any thrown value; the code is compared below
      if (code !== 'ENOTFOUND' && code !== 'ENODATA') failure = error
    }
  }
  if (failure !== undefined) throw failure
  return []
}

/** The names to try, in the order of resolv.conf's rules. */
function fullNames(name: string, { domains, ndots }: SearchList): string[] {
  if (name.endsWith('.')) return [name]
  const searched = domains.map((domain) => `${name}.${domain}`)
  const dots = name.split('.').length - 1
  return dots >= ndots ? [name, ...searched] : [...searched, name]
}

async function records(resolver: DnsResolver, { type, port }: Pick<DnsDiscoveryConfig, 'type' | 'port'>, name: string): Promise<Record<string, string>[]> {
  switch (type) {
    case 'SRV':
      return (await resolver.resolveSrv(name)).map((record) => ({
        __address__: `${withoutDot(record.name)}:${record.port}`,
        __meta_dns_srv_record_target: `${withoutDot(record.name)}.`,
        __meta_dns_srv_record_port: String(record.port),
      }))
    case 'A':
      return (await resolver.resolve4(name)).map((address) => ({ __address__: `${address}:${port}` }))
    case 'AAAA':
      return (await resolver.resolve6(name)).map((address) => ({ __address__: `[${address}]:${port}` }))
    case 'MX':
      return (await resolver.resolveMx(name)).map(({ exchange }) => ({
        __address__: `${withoutDot(exchange)}:${port}`,
        __meta_dns_mx_record_target: `${withoutDot(exchange)}.`,
      }))
    case 'NS':
      return (await resolver.resolveNs(name)).map((server) => ({
        __address__: `${withoutDot(server)}:${port}`,
        __meta_dns_ns_record_target: `${withoutDot(server)}.`,
      }))
  }
}

function withoutDot(name: string): string {
  return name.replace(/\.$/, '')
}

/** The search domains of this machine; none when there is no resolv.conf. */
async function readSearchList(path = '/etc/resolv.conf'): Promise<SearchList> {
  const text = await readFile(path, 'utf8').catch(() => '')
  let domains: string[] = []
  let ndots = 1
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line.trim().split(/\s+/)
    if (keyword === 'search' || keyword === 'domain') domains = values.map(withoutDot).filter((domain) => domain !== '')
    for (const option of keyword === 'options' ? values : []) {
      const count = /^ndots:(\d+)$/.exec(option)?.[1]
      if (count !== undefined) ndots = Number(count)
    }
  }
  return { domains, ndots }
}
