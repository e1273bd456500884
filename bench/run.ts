// `npm run bench [-- name ...]`: starts solowatch and its peers, gives each the same work, prints figures and ratios of
// this one run. Machines are noisy; compare within a run, not between runs. `--only=regex` chooses rows of the bench `query`,
// such as `--only=instant`.

import { parseArgs } from 'node:util'
import { backfillDefaults, benchBackfill } from './backfill.ts'
import { benchCodec } from './codec.ts'
import { benchDisk } from './disk.ts'
import { benchEventLoop, eventLoopDefaults } from './eventLoop.ts'
import { benchDownsampling } from './downsampling.ts'
import { benchQuery } from './query.ts'
import { benchQueryUnderLoad } from './queryUnderLoad.ts'
import { benchKill } from './kill.ts'
import { benchNativeHistograms } from './nativeHistograms.ts'
import { benchRemoteWrite, remoteWriteDefaults } from './remoteWrite.ts'
import { benchScrape, scrapeDefaults } from './scrape.ts'
import { benchStartup, startupDefaults } from './startup.ts'

const { values, positionals: chosen } = parseArgs({ allowPositionals: true, options: { only: { type: 'string', default: '' } } })

const benches: Readonly<Record<string, () => Promise<void>>> = {
  'remote-write': () => benchRemoteWrite(remoteWriteDefaults),
  backfill: () => benchBackfill(backfillDefaults),
  startup: () => benchStartup(startupDefaults),
  'event-loop': () => benchEventLoop(eventLoopDefaults),
  scrape: () => benchScrape(scrapeDefaults),
  codec: benchCodec,
  kill: benchKill,
  disk: benchDisk,
  query: () => benchQuery(new RegExp(values.only)),
  'native-histograms': benchNativeHistograms,
  'query-under-load': benchQueryUnderLoad,
  downsampling: benchDownsampling,
}

const unknown = chosen.filter((name) => benches[name] === undefined)
if (unknown.length > 0) {
  console.error(`There is no bench ${unknown.join(', ')}. Benches: ${Object.keys(benches).join(', ')}`)
  process.exit(2)
}
for (const name of chosen.length > 0 ? chosen : Object.keys(benches)) await benches[name]?.()
