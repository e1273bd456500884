import { describe, expect, it } from 'vitest'
import { ConfigError, parseYaml } from './yaml.ts'
import { bool, duration, fields, float, integer, list, oneOf, record, secret, text, tree } from './yamlReaders.ts'
import type { Reader } from './yamlReaders.ts'

/** The problems of reading `yaml`, one line each. */
function problemsOf(yaml: string, read: (yaml: string) => unknown): string[] {
  try {
    read(yaml)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n')
    throw error
  }
}

const readWith =
  <T>(reader: Reader<T>) =>
  (yaml: string) =>
    fields(parseYaml(yaml, 'f.yml'), { key: reader }).key

describe('fields', () => {
  const schema = { scrape_interval: duration, scrape_timeout: duration, honor_labels: bool, job_name: text }
  const read = (yaml: string) => fields(parseYaml(yaml, 'f.yml'), schema)

  it('names file, line, column, key, and the nearest known key', () => {
    expect(problemsOf('job_name: a\nscrape_intervall: 15s\n', read)).toEqual([
      'f.yml:2:1: scrape_intervall: unknown key, did you mean "scrape_interval"?; known here: scrape_interval, scrape_timeout, honor_labels, job_name',
    ])
  })

  it('reports everything wrong in one mapping', () => {
    expect(problemsOf('scrape_interval: 15\nhonor_labels: maybe\njob_name: [a]\n', read)).toEqual([
      'f.yml:1:18: scrape_interval: expected a duration such as 15s or 1h30m (units y w d h m s ms, in this order), found "15"',
      'f.yml:2:15: honor_labels: expected true or false, found "maybe"',
      'f.yml:3:11: job_name: expected text, found a list',
    ])
  })

  it('refuses a key that is there twice', () => {
    expect(problemsOf('job_name: a\nhonor_labels: true\njob_name: b\n', read)).toEqual(['f.yml:3:1: job_name: the key is there twice, first in line 1'])
  })

  it('takes a key without a value as the zero of its type', () => {
    expect(read('job_name:\nhonor_labels: ~\n')).toEqual({ job_name: '', honor_labels: false })
  })

  it('follows aliases and merges', () => {
    expect(read('<<: &base {job_name: a, honor_labels: yes}\nhonor_labels: no\n')).toEqual({ job_name: 'a', honor_labels: false })
  })

  it('says where YAML itself is wrong', () => {
    expect(problemsOf('job_name: "a\n', read)[0]).toMatch(/^f\.yml:2:1: not valid YAML: Missing closing "quote/)
  })

  it('ignores a second document with a warning', () => {
    const node = parseYaml('job_name: a\n---\njob_name: b\n', 'f.yml')
    expect(fields(node, schema)).toEqual({ job_name: 'a' })
    expect(node.file.warnings.map((warning) => warning.message)).toEqual(['a second YAML document in the file is ignored'])
  })

  it('stops at aliases that contain themselves or multiply without end', () => {
    expect(problemsOf('key: &a [*a]\n', readWith(tree))[0]).toContain('nested deeper')
    const bomb = ['key: &a0 [x, x, x, x, x, x, x, x, x, x]', ...Array.from({ length: 9 }, (_, i) => `k${i}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(', ')}]`)]
    expect(problemsOf(bomb.join('\n'), (yaml) => tree(parseYaml(yaml, 'f.yml')))[0]).toContain('more than')
  })
})

describe('values', () => {
  const reads = <T>(reader: Reader<T>, yaml: string, expected: T) => it(`reads ${yaml}`, () => expect(readWith(reader)(`key: ${yaml}\n`)).toEqual(expected))
  const refuses = <T>(reader: Reader<T>, yaml: string, message: string) =>
    it(`refuses ${yaml}`, () => expect(problemsOf(`key: ${yaml}\n`, readWith(reader))[0]).toContain(message))

  reads(text, '09:00', '09:00')
  reads(text, 'true', 'true')
  reads(text, '1', '1')
  reads(text, '1_000', '1_000')
  reads(bool, 'on', true)
  reads(bool, 'No', false)
  refuses(bool, '"true"', 'expected true or false')
  reads(integer, '0x10', 16)
  reads(integer, '-5', -5)
  reads(integer, '1_000', 1000)
  refuses(integer, '"5"', 'expected a whole number')
  reads(integer, '1e3', 1000)
  reads(integer, '1.5', 1)
  refuses(integer, 'many', 'expected a whole number')
  reads(float, '1e3', 1000)
  reads(float, '.5', 0.5)
  refuses(float, 'many', 'expected a number')
  reads(list(text), '[a, b]', ['a', 'b'])
  refuses(list(duration), '[1m, x]', 'f.yml:1:11: key[1]: expected a duration')
  refuses(list(oneOf('a')), '[null]', 'key[0]: empty list item')
  reads(record(text), '{a: 1, b: yes}', { a: '1', b: 'yes' })
  refuses(oneOf('http', 'https'), 'htps', 'expected http, https, found "htps", did you mean "https"?')
  reads(tree, '{a: 1, b: [true, x, "2"], c: ~, d: 1.5}', { a: 1, b: [true, 'x', '2'], c: null, d: 1.5 })
})

describe('secrets', () => {
  it('are never printed, in logs or in the masked file', () => {
    const node = parseYaml('# password: old\nkey: hunter2\nother: &x hunter3\n', 'f.yml')
    const { key } = fields(node, { key: secret, other: secret })
    expect(`${String(key)} ${JSON.stringify({ key })}`).not.toContain('hunter2')
    expect(key?.reveal()).toBe('hunter2')
    expect(node.file.printMasked()).toBe('key: <secret>\nother: &x <secret>\n')
  })
})
