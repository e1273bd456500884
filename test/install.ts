// What `npm test` needs beyond npm's packages: a browser and the real peers, as Debian packages. Installs what is missing
// when it may (root on a Debian system), otherwise says what to install and stops.

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const packages: Readonly<Record<string, string>> = {
  chromium: '/usr/bin/chromium',
  prometheus: '/usr/bin/prometheus',
  'prometheus-alertmanager': '/usr/bin/prometheus-alertmanager',
  'prometheus-node-exporter': '/usr/bin/prometheus-node-exporter',
  'victoria-metrics': '/usr/bin/victoria-metrics',
}

const missing = Object.keys(packages).filter((name) => !existsSync(packages[name] ?? ''))
if (missing.length > 0) {
  const byHand = `apt-get update && apt-get install --no-install-recommends ${missing.join(' ')}`
  const isRoot = process.getuid?.() === 0
  if (!isRoot || !existsSync('/usr/bin/apt-get')) {
    console.error(`The tests run against real peers that this machine lacks. On Debian, install them as root:\n\n  ${byHand}\n`)
    process.exit(1)
  }
  console.log(`Installing ${missing.join(', ')} for the tests`)
  // A policy that refuses to start services: the tests start the servers themselves, on ports of their own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  run('apt-get', ['update', '-q'])
  run('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...missing])
  const stillMissing = missing.filter((name) => !existsSync(packages[name] ?? ''))
  if (stillMissing.length > 0) {
    console.error(`apt-get ended, yet ${stillMissing.join(', ')} did not arrive. Try by hand: ${byHand}`)
    process.exit(1)
  }

  function run(command: string, args: readonly string[]): void {
    const result = spawnSync(command, args, { env, stdio: ['ignore', 'inherit', 'inherit'] })
    if (result.status !== 0) {
      console.error(`${command} ${args.join(' ')} failed. Run it by hand to see why:\n\n  ${byHand}\n`)
      process.exit(1)
    }
  }
}

// `npm ci` builds these; whoever has changed a source since wants the tests to see it.
execFileSync(process.execPath, ['src/kernels/build.ts'], { stdio: 'inherit' })
execFileSync('node_modules/.bin/vite', ['build', 'web/ui', '--logLevel', 'warn'], { stdio: 'inherit' })
execFileSync(process.execPath, ['src/bundle/build.ts'], { stdio: 'inherit' })
