// What the process does: arguments to a command, signals to a stop or a reload, failures to an exit code. Everything else
// is app.ts.

import { existsSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { createApp } from './app.ts'
import { errorText } from './base/assert.ts'
import { createLogger } from './base/log.ts'
import { ConfigError } from './base/yaml.ts'
import { embeddedAlertmanagerConfig, embeddedPrometheusConfig, loadConfig } from './config.ts'
import { checksumConfig } from './configChecksum.ts'
import { createConfigChecks } from './configChecks.ts'
import { helpText, parseFlags, UsageError } from './flags.ts'
import type { Command, Options } from './flags.ts'
import { solowatchVersion, versionText } from './version.ts'

/** As in Prometheus: 1 when something fails while it runs, 2 when arguments or configuration cannot be used. */
const exitCodes = { clean: 0, runtime: 1, usage: 2 } as const

/** Runs to the end of the process. */
export async function runCommand(args: readonly string[]): Promise<void> {
  const [name = '', ...rest] = args
  const tool = tools.get(name)
  if (tool !== undefined) {
    await runTool(name, () => tool(rest))
    return
  }
  const command = readCommand(args)
  if (command.kind === 'help') process.stdout.write(helpText())
  else if (command.kind === 'version') process.stdout.write(versionText())
  else await run(command.options)
}

/** What the program does besides running the server, by first argument. Each loads its parts when it is asked for. */
const tools: ReadonlyMap<string, (args: readonly string[]) => Promise<void>> = new Map([
  ['check', async (args: readonly string[]) => (await import('./inspect.ts')).runCheck(args)],
  ['inspect', async (args: readonly string[]) => (await import('./inspect.ts')).runInspect(args)],
  ['backup', async (args: readonly string[]) => (await import('./backup.ts')).runBackup(args)],
  ['tsdb', async (args: readonly string[]) => (await import('./createBlocks.ts')).runTsdbCommand(args)],
])

async function runTool(name: string, tool: () => Promise<void>): Promise<void> {
  try {
    await tool()
  } catch (error) {
    process.stderr.write(`solowatch ${name}: error: ${errorText(error)}\n`)
    process.exit(error instanceof UsageError ? error.exitCode : exitCodes.runtime)
  }
}

function readCommand(args: readonly string[]): Command {
  try {
    return parseFlags(args)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`solowatch: error: ${error.message}, try --help\n`)
    process.exit(error.exitCode)
  }
}

async function run(options: Options): Promise<void> {
  const logger = createLogger({ level: options.logLevel, format: options.logFormat })
  for (const warning of options.warnings) logger.warn(warning)
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
      loadConfig: load,
      configChecksum: () => checksumConfig([sources.prometheus, sources.alertmanager]),
      quit: () => end('Received termination request via web service, exiting gracefully...'),
    })
    const logFailure = (error: unknown) => logger.error('Error reloading config', { err: errorText(error) })
    reload = () => void app.reload().catch(logFailure)
    if (isReloadAsked) reload()
    process.stdout.write(`solowatch ${solowatchVersion} is ready: ${app.server.scheme}://${shownHost(app.server.addresses[0])}/\n`)
    // Node keeps what it has compiled at a clean end only, and the start after a kill is the one that is in a hurry.
    flushCompileCache()
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
