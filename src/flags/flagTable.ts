// Every command-line flag: Prometheus's own, those of Alertmanager that people carry over, and a few of ours. Kind, default
// and what becomes of it. `/api/v1/status/flags` and `--help` print this table; flags.ts reads arguments by it.

export type FlagKind = 'text' | 'bool' | 'duration' | 'size' | 'integer' | 'float' | 'list'

export type Flag = {
  readonly name: string
  readonly kind: FlagKind
  readonly default: string
  readonly help: string
  /** Given, it changes nothing here: one warning says so. */
  readonly isIgnored?: true
  /** Belongs to agent mode, which is refused in server mode as Prometheus does. */
  readonly isAgentOnly?: true
}

const flag = (name: string, kind: FlagKind, defaultValue: string, help: string): Flag => ({ name, kind, default: defaultValue, help })

const ignored = (name: string, kind: FlagKind, defaultValue: string, help: string): Flag => ({
  name,
  kind,
  default: defaultValue,
  help,
  isIgnored: true,
})

const agentOnly = (name: string, kind: FlagKind, defaultValue: string): Flag => ({
  name,
  kind,
  default: defaultValue,
  help: 'Agent mode only.',
  isIgnored: true,
  isAgentOnly: true,
})

const goOnly = 'Tunes the Go runtime.'
const tsdbOnly = "Tunes the storage engine of Prometheus, which solowatch does not have."
const alertmanagerOnly = 'Alertmanager flag. '

export const flagTable: readonly Flag[] = [
  flag('config.file', 'text', 'prometheus.yml', 'Configuration file. Without the flag and without the file, the server watches itself.'),
  flag('alertmanager.config.file', 'text', '', 'alertmanager.yml of the built-in Alertmanager.'),
  flag('config.auto-reload', 'bool', 'false', 'Reload when the content of the configuration or of a file it names changes.'),
  flag('config.auto-reload-interval', 'duration', '30s', 'How often to look for changes; at least 1s.'),
  flag('web.listen-address', 'list', '0.0.0.0:9090', 'Address to listen on. Can be repeated: one process can answer on 9090 and on 9093.'),
  flag('web.config.file', 'text', '', 'File with TLS, basic authentication and security headers.'),
  flag('web.read-timeout', 'duration', '5m', 'Longest time to read a request, and to keep an idle connection.'),
  flag('web.max-connections', 'integer', '512', 'Most simultaneous connections over all addresses.'),
  flag('web.max-notifications-subscribers', 'integer', '16', 'Most subscribers of /api/v1/notifications/live.'),
  flag('web.external-url', 'text', '', 'URL under which the server is reachable from outside; its path becomes the route prefix.'),
  flag('web.route-prefix', 'text', '', 'Prefix of all paths. Default: path of --web.external-url.'),
  flag('web.user-assets', 'text', '', 'Directory served at /user.'),
  flag('web.enable-lifecycle', 'bool', 'false', 'Allow reload and shutdown over HTTP.'),
  flag('web.enable-admin-api', 'bool', 'false', 'Allow the admin endpoints.'),
  flag('web.enable-remote-write-receiver', 'bool', 'false', 'Accepted; the receiver is always on.'),
  flag(
    'web.remote-write-receiver.accepted-protobuf-messages',
    'list',
    'prometheus.WriteRequest,io.prometheus.write.v2.Request',
    'Messages that the remote-write receiver accepts. Can be repeated.',
  ),
  flag('web.enable-otlp-receiver', 'bool', 'false', 'Accept OpenTelemetry metrics at /api/v1/otlp/v1/metrics.'),
  flag('web.console.templates', 'text', 'consoles', 'Directory of the templates of the pages at /consoles.'),
  flag('web.console.libraries', 'text', 'console_libraries', 'Directory of the files *.lib with templates that these pages share.'),
  flag('web.page-title', 'text', 'solowatch', 'Title of the web pages.'),
  flag('web.cors.origin', 'text', '.*', 'Regular expression for allowed origins, anchored.'),
  flag('web.search.max-limit', 'integer', '10000', 'Greatest limit of the search API; 0 is none.'),
  ignored('auto-gomaxprocs', 'bool', 'true', goOnly),
  ignored('auto-gomemlimit', 'bool', 'true', goOnly),
  ignored('auto-gomemlimit.ratio', 'float', '0.9', goOnly),
  ignored('auto-gomemlimit.refresh-interval', 'duration', '0s', goOnly),
  flag('storage.tsdb.path', 'text', 'data/', 'Directory of the data.'),
  flag('storage.tsdb.retention.time', 'duration', '0s', 'How long to keep samples. Default 15d when no size is set either.'),
  flag('storage.tsdb.retention.size', 'size', '0B', 'How many bytes to keep, with a unit. Default: no limit.'),
  flag('storage.tsdb.no-lockfile', 'bool', 'false', 'Do not create a lock file in the data directory.'),
  flag('storage.sync', 'text', 'interval', 'What an acknowledged sample survives: "interval" a crash of the process, "commit" a power loss too.'),
  flag('storage.max-series', 'integer', '0', 'Most active series; new ones beyond are refused, counted by job and logged. Active is what has a sample in the last hour. 0: no limit.'),
  flag('storage.max-series-per-job', 'integer', '0', 'The same for the active series with the same label "job".'),
  ignored('storage.tsdb.head-chunks-write-queue-size', 'integer', '0', tsdbOnly),
  ignored('storage.tsdb.delay-compact-file.path', 'text', '', tsdbOnly),
  ignored('storage.tsdb.min-block-duration', 'duration', '2h', tsdbOnly),
  ignored('storage.tsdb.max-block-duration', 'duration', '0s', tsdbOnly),
  ignored('storage.tsdb.max-block-chunk-segment-size', 'size', '512MB', tsdbOnly),
  ignored('storage.tsdb.wal-segment-size', 'size', '128MB', tsdbOnly),
  ignored('storage.tsdb.allow-overlapping-compaction', 'bool', 'true', tsdbOnly),
  ignored('storage.tsdb.wal-compression', 'bool', 'true', tsdbOnly),
  ignored('storage.tsdb.wal-compression-type', 'text', 'snappy', tsdbOnly),
  ignored('storage.tsdb.samples-per-chunk', 'integer', '120', tsdbOnly),
  ignored('storage.tsdb.delayed-compaction.max-percent', 'integer', '10', tsdbOnly),
  ignored('storage.tsdb.block-reload-interval', 'duration', '1m', tsdbOnly),
  agentOnly('storage.agent.path', 'text', 'data-agent/'),
  agentOnly('storage.agent.wal-compression', 'bool', 'true'),
  agentOnly('storage.agent.retention.min-time', 'duration', '5m'),
  agentOnly('storage.agent.retention.max-time', 'duration', '4h'),
  agentOnly('storage.agent.no-lockfile', 'bool', 'false'),
  agentOnly('storage.agent.checkpoint-from-in-memory-series', 'bool', 'false'),
  agentOnly('storage.agent.checkpoint-batch-size', 'integer', '1000'),
  ignored('storage.remote.flush-deadline', 'duration', '1m', 'Remote write is not built yet.'),
  flag('storage.remote.read-sample-limit', 'integer', '50000000', 'Most samples in the answer to a remote read that is not streamed; 0 is no limit.'),
  flag('storage.remote.read-concurrent-limit', 'integer', '10', 'Most remote reads at the same time; 0 is no limit.'),
  flag('storage.remote.read-max-bytes-in-frame', 'integer', '1048576', 'Most bytes in one frame of a streamed remote read.'),
  flag('rules.alert.for-outage-tolerance', 'duration', '1h', 'Longest outage after which the "for" state of an alert is restored.'),
  flag('rules.alert.for-grace-period', 'duration', '10m', 'Least time between a restored "for" state and its alert.'),
  flag('rules.alert.resend-delay', 'duration', '1m', 'Least time before an alert is sent again.'),
  ignored('rules.max-concurrent-evals', 'integer', '4', 'Rules of a group are evaluated in order.'),
  flag('alertmanager.notification-queue-capacity', 'integer', '10000', 'Most alerts waiting for external Alertmanagers.'),
  flag('alertmanager.notification-batch-size', 'integer', '256', 'Most alerts in one request to an external Alertmanager.'),
  flag('alertmanager.drain-notification-queue-on-shutdown', 'bool', 'true', 'Send what waits before ending.'),
  flag('query.lookback-delta', 'duration', '5m', 'How far back a query looks for the last sample of a series.'),
  flag('query.timeout', 'duration', '2m', 'Longest time of a query.'),
  flag('query.max-concurrency', 'integer', '20', 'Most queries at the same time.'),
  flag('query.max-samples', 'integer', '50000000', 'Most samples one query may load.'),
  flag('query.result-cache-size', 'size', '64MB', 'Memory for results of range queries that are asked again, as dashboards do; 0 keeps none.'),
  flag('query.max-result-size', 'size', '512MB', 'Largest answer to a query, before compression; 0 is no limit.'),
  flag('scrape.adjust-timestamps', 'bool', 'true', 'Give a scrape that is a little off its slot the time of the slot.'),
  flag('scrape.timestamp-tolerance', 'duration', '2ms', 'How far off counts as a little.'),
  flag('scrape.discovery-reload-interval', 'duration', '5s', 'Least time between two updates of the targets of a job.'),
  flag('enable-feature', 'list', '', 'Feature names, separated by commas. Can be repeated.'),
  flag('agent', 'bool', 'false', 'Agent mode is not part of solowatch.'),
  flag('log.level', 'text', 'info', 'debug, info, warn or error.'),
  flag('log.format', 'text', 'logfmt', 'logfmt or json.'),
]

/** Flags of the original Alertmanager that may stay on a command line. */
const alertmanagerFlags: readonly Flag[] = [
  ignored('storage.path', 'text', 'data/', `${alertmanagerOnly}State is kept in --storage.tsdb.path.`),
  flag('data.retention', 'duration', '120h', `${alertmanagerOnly}How long the notification log and ended silences are kept.`),
  flag('data.maintenance-interval', 'duration', '15m', `${alertmanagerOnly}How often ended silences and old log entries are removed.`),
  flag('silences.max-silences', 'integer', '0', `${alertmanagerOnly}Most silences; 0 is no limit.`),
  flag('silences.max-silence-size-bytes', 'integer', '0', `${alertmanagerOnly}Largest silence; 0 is no limit.`),
  flag('alerts.gc-interval', 'duration', '30m', `${alertmanagerOnly}How often resolved alerts are removed.`),
  flag('alerts.per-alertname-limit', 'integer', '0', `${alertmanagerOnly}Most alerts of one name; 0 is no limit.`),
  ignored('dispatch.maintenance-interval', 'duration', '30s', `${alertmanagerOnly}Empty groups leave by themselves.`),
  flag('dispatch.start-delay', 'duration', '0s', `${alertmanagerOnly}How long to wait with notifications after the start.`),
  ignored('web.get-concurrency', 'integer', '0', `${alertmanagerOnly}Requests are not limited.`),
  ignored('web.timeout', 'duration', '0s', `${alertmanagerOnly}Requests are not limited.`),
  ...[
    'advertise-address',
    'advertise-address-type',
    'allow-insecure-public-advertise-address-discovery',
    'gossip-interval',
    'label',
    'listen-address',
    'peer-name',
    'peer-timeout',
    'peers-resolve-timeout',
    'probe-interval',
    'probe-timeout',
    'pushpull-interval',
    'reconnect-interval',
    'reconnect-timeout',
    'settle-timeout',
    'tcp-timeout',
    'tls-config',
  ].map((name) => ignored(`cluster.${name}`, 'text', '', `${alertmanagerOnly}solowatch is one process; there is no cluster.`)),
  ignored('cluster.peer', 'list', '', `${alertmanagerOnly}solowatch is one process; there is no cluster.`),
]

/** All that may be given. */
export const allFlags: readonly Flag[] = [...flagTable, ...alertmanagerFlags]
