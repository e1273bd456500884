// Which version this is, for people and for clients that decide by version what they may ask.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BuildInfo } from './base/buildInfo.ts'

const manifest: { readonly version: string } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'))

export const solowatchVersion = manifest.version

/** The Prometheus whose API and language these are; clients such as Grafana read it as a semantic version. */
const prometheusVersion = `3.14.0+solowatch.${solowatchVersion}`

/** What `/api/v1/status/buildinfo` shows. */
export const buildInfo: BuildInfo = {
  version: prometheusVersion,
  revision: '',
  branch: 'HEAD',
  buildUser: 'solowatch',
  buildDate: '',
  goVersion: `node ${process.versions.node}`,
}

/** What `/api/v2/status` shows: the Alertmanager whose API it is. */
export const alertmanagerBuildInfo: BuildInfo = { ...buildInfo, version: `0.34.0+solowatch.${solowatchVersion}` }

/** Sent with every request of ours; exporters and firewalls know it. */
export const userAgent = `Prometheus/3.14.0 solowatch/${solowatchVersion}`

/** The text of `--version`. */
export function versionText(): string {
  return `solowatch, version ${solowatchVersion}\n  API of:    Prometheus 3.14.0, Alertmanager 0.34.0\n  node:      ${process.versions.node}\n  platform:  ${process.platform}/${process.arch}\n`
}
