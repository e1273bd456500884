// The server as a process: configuration to a running app, signals to a stop or a reload, failures to an exit code. Everything
// else is app.ts.

import { existsSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import type { StorageStart } from '../storage/storageStart.ts'
import { createApp } from './app.ts'
import { errorText } from './base/assert.ts'
import type { Logger } from './base/log.ts'
import { lowerHelperThreads } from './base/priority.ts'
import { settleMemorySoon } from './base/settle.ts'
import { ConfigError } from './base/config/yaml.ts'
import { embeddedAlertmanagerConfig, embeddedPrometheusConfig, loadConfig } from './config/config.ts'
import { checksumConfig } from './config/configChecksum.ts'
import { createConfigChecks } from './config/configChecks.ts'
import { exitCodes } from './exitCodes.ts'
import type { Options } from './flags/options.ts'
import { solowatchVersion } from './version.ts'

/** Runs to the end of the process. */
export async function serve(options: Options, { logger, storageStart }: { readonly logger: Logger; readonly storageStart: StorageStart }): Promise<never> {
  const sources = configSources(options)
  const checks = createConfigChecks(options.features)
  const load = () => loadConfig(sources, checks)

  let end = (_reason: string) => {}
  const ended = new Promise<string>((done) => (end = done))
  process.once('SIGTERM', () => end('Received an OS signal, exiting gracefully... (SIGTERM)'))
  process.once('SIGINT', () => end('Received an OS signal, exiting gracefully... (SIGINT)'))
  let isReloadAsked = false
  let reload = () => void (isReloadAsked = true) // until the start is done
  process.on('SIGHUP', () => reload())

  try {
    const config = await load()
    const app = await createApp(config, options, {
      logger,
      storageStart,
      loadConfig: load,
      configChecksum: () => checksumConfig([sources.prometheus, sources.alertmanager]),
      quit: () => end('Received termination request via web service, exiting gracefully...'),
    })
    const logFailure = (error: unknown) => logger.error('Error reloading config', { err: errorText(error) })
    reload = () => void app.reload().catch(logFailure)
    if (isReloadAsked) reload()
    process.stdout.write(`solowatch ${solowatchVersion} is ready: ${app.server.scheme}://${shownHost(app.server.addresses[0])}/\n`)
    // Not before: until then everything waits for them.
    lowerHelperThreads()
    // Node keeps what it has compiled at a clean end only, and the start after a kill is the one that is in a hurry.
    flushCompileCache()
    settleMemorySoon()
    logger.warn(await ended)
    await app.stop()
    logger.info('See you next time!')
  } catch (error) {
    const isConfig = error instanceof ConfigError
    logger.error(isConfig ? 'Error loading config' : 'The server ended', { err: errorText(error) })
    if (isConfig) process.stderr.write(`${error.message}\n`)
    process.exit(isConfig ? exitCodes.usage : exitCodes.runtime)
  }
  process.exit(exitCodes.clean)
}

/** The files of the flags; what is not given and not there is embedded. */
function configSources(options: Options) {
  const defaultFile = 'prometheus.yml'
  const file = options.configFile ?? (existsSync(defaultFile) ? defaultFile : undefined)
  const port = options.listenAddresses[0]?.port ?? 0
  return {
    prometheus: file === undefined ? embeddedPrometheusConfig(`localhost:${port}`) : { file },
    alertmanager: options.alertmanagerConfigFile === undefined ? embeddedAlertmanagerConfig : { file: options.alertmanagerConfigFile },
    environment: process.env,
    features: options.features,
  }
}

/** An address to click on: one that listens everywhere is reachable as localhost. */
function shownHost(address: { readonly host: string; readonly port: number } | undefined): string {
  const { host, port } = address ?? { host: '', port: 0 }
  const name = ['', '::', '0.0.0.0'].includes(host) ? 'localhost' : host.includes(':') ? `[${host}]` : host
  return `${name}:${port}`
}
