// What the process does: arguments to a command, and of a server what has to come first. Each command loads its parts when it
// is asked for; serve.ts is the server.

import { startStorage } from '../storage/storageStart.ts'
import { errorText } from './base/assert.ts'
import { createLogger } from './base/log.ts'
import { exitCodes } from './exitCodes.ts'
import { helpText, parseFlags, type Command } from './flags/flags.ts'
import type { Options } from './flags/options.ts'
import { storageStartOptions } from './flags/storageFlags.ts'
import { UsageError } from './flags/usageError.ts'
import { versionText } from './version.ts'

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
  ['check', async (args: readonly string[]) => (await import('./commands/inspect.ts')).runCheck(args)],
  ['inspect', async (args: readonly string[]) => (await import('./commands/inspect.ts')).runInspect(args)],
  ['backup', async (args: readonly string[]) => (await import('./commands/backup.ts')).runBackup(args)],
  ['tsdb', async (args: readonly string[]) => (await import('./commands/createBlocks.ts')).runTsdbCommand(args)],
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

/** The disk is read by a thread of its own, while this one loads what is needed to serve. */
async function run(options: Options): Promise<void> {
  const logger = createLogger({ level: options.logLevel, format: options.logFormat })
  for (const warning of options.warnings) logger.warn(warning)
  const storageStart = startStorage(storageStartOptions(options, logger))
  const { serve } = await import('./serve.ts')
  await serve(options, { logger, storageStart })
}
