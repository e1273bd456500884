// The arguments of a command that is not the server.

import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { errorText } from '../base/assert.ts'
import { UsageError } from '../flags/usageError.ts'

/** Throws `UsageError` with the usage behind it when an option is not one of `options` or has no such value. */
export function readArguments<Options extends ParseArgsOptionsConfig>(args: readonly string[], options: Options, usage: string) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options })
  } catch (error) {
    throw new UsageError(`${errorText(error)}\n${usage}`)
  }
}
