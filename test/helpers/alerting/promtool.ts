// Debian's promtool as an oracle for rules: it reports what a rule test found in place of what was expected.

import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Runs one test of `promtool test rules`, at one-minute steps, over rules of one group in `dir`; answers with its report. */
export function promtoolReport(dir: string, rules: readonly object[], test: object): string {
  writeFileSync(join(dir, 'rules.yml'), JSON.stringify({ groups: [{ name: 'g', rules }] }))
  writeFileSync(join(dir, 'test.yml'), JSON.stringify({ rule_files: ['rules.yml'], evaluation_interval: '1m', tests: [{ interval: '1m', ...test }] }))
  try {
    execFileSync('promtool', ['test', 'rules', 'test.yml'], { cwd: dir, stdio: 'pipe' })
    return ''
  } catch (error) {
    const failure = error as { stdout: Buffer; stderr: Buffer }
    return failure.stdout.toString() + failure.stderr.toString()
  }
}
