// Whether any configuration file has changed: a checksum over the two main files and what they name by glob. For
// `--config.auto-reload`. Secret files and files of service discovery are not part of it; they are read when used.

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { ConfigError, parseYaml } from '../base/config/yaml.ts'
import { joinToFile } from '../base/config/yamlReaders.ts'
import { globFiles } from '../base/globFiles.ts'
import type { ConfigSource } from './config.ts'

const globKeys = ['rule_files', 'scrape_config_files', 'templates']

/** Rejects when a main file cannot be read. */
export async function checksumConfig(sources: readonly ConfigSource[]): Promise<string> {
  const hash = createHash('sha256')
  for (const source of sources) {
    const text = 'text' in source ? source.text : await readFile(source.file, 'utf8')
    hash.update(text)
    if ('text' in source) continue
    for (const path of await namedFiles(text, source.file)) {
      hash.update(`\0${path}\0`)
      hash.update(await readFile(path).catch(() => ''))
    }
  }
  return hash.digest('hex')
}

/** The files that the globs of a configuration match; none when it cannot be parsed. */
async function namedFiles(text: string, file: string): Promise<string[]> {
  try {
    const node = parseYaml(text, file)
    const items = globKeys.flatMap((key) => {
      const list = node.get(key)
      return list?.isList === true ? list.items() : []
    })
    const found = await Promise.all(items.map((item) => globFiles(joinToFile(item, item.text ?? ''))))
    return found.flat()
  } catch (error) {
    if (error instanceof ConfigError) return []
    throw error
  }
}
