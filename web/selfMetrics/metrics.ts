// Metrics of the process and of its HTTP server, under the names that Prometheus's dashboards and alerts know.

import { readdir, readFile } from 'node:fs/promises'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { BuildInfo } from '../../src/base/buildInfo.ts'
import type { Closable } from '../../src/base/closing.ts'
import type { MetricRegistry } from '../../src/base/selfMetrics.ts'

export type HttpMetrics = {
  observe(request: { readonly handler: string; readonly code: number; readonly seconds: number; readonly bytes: number }): void
}

export function createHttpMetrics(registry: MetricRegistry): HttpMetrics {
  const requests = registry.counter('prometheus_http_requests_total', 'Counter of HTTP requests.')
  const durations = registry.histogram('prometheus_http_request_duration_seconds', 'Histogram of latencies for HTTP requests.', [
    0.1, 0.2, 0.4, 1, 3, 8, 20, 60, 120,
  ])
  const sizes = registry.histogram('prometheus_http_response_size_bytes', 'Histogram of response size for HTTP requests.', [
    100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000,
  ])
  const createObservers = (handler: string) => ({ count: new Map<number, () => void>(), seconds: durations.create({ handler }), bytes: sizes.create({ handler }) })
  const byHandler = new Map<string, ReturnType<typeof createObservers>>()
  return {
    observe({ handler, code, seconds, bytes }) {
      let observers = byHandler.get(handler)
      if (observers === undefined) byHandler.set(handler, (observers = createObservers(handler)))
      let count = observers.count.get(code)
      if (count === undefined) observers.count.set(code, (count = requests.create({ handler, code: String(code) })))
      count()
      observers.seconds(seconds)
      observers.bytes(bytes)
    },
  }
}

/** Registers `process_*`, `nodejs_*`, the build and the delay of the event loop; `close` stops the sampling. */
export function registerProcessMetrics(registry: MetricRegistry, build: BuildInfo): Closable {
  const { version, revision, branch, goVersion } = build
  registry.sampled('prometheus_build_info', 'Which build this is; always 1.', 'gauge', () => [
    { labels: { version, revision, branch, goversion: goVersion, goos: process.platform, goarch: process.arch, tags: '' }, value: 1 },
  ])
  registry.sampled('nodejs_version_info', 'Which Node.js runs it; always 1.', 'gauge', () => [{ labels: { version: process.version }, value: 1 }])
  registry.sampled('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.', 'gauge', () => performance.timeOrigin / 1000)
  registry.sampled('process_cpu_seconds_total', 'Total user and system CPU time spent in seconds.', 'counter', () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  })
  registry.sampled('process_resident_memory_bytes', 'Resident memory size in bytes.', 'gauge', () => process.memoryUsage.rss())
  registry.sampled('nodejs_heap_size_used_bytes', 'JavaScript heap of the main thread in use.', 'gauge', () => process.memoryUsage().heapUsed)
  const watched = watchProcess()
  registry.sampled('process_open_fds', 'Number of open file descriptors.', 'gauge', () => watched.open())
  registry.sampled('process_max_fds', 'Maximum number of open file descriptors.', 'gauge', () => watched.max())
  registry.sampled('process_virtual_memory_bytes', 'Virtual memory size in bytes.', 'gauge', () => watched.virtualBytes())
  const delay = watchEventLoop(registry)
  return {
    close() {
      watched.close()
      delay.close()
    },
  }
}

/** Counts are refreshed beside the main thread: printing the metrics must not wait for the file system. */
function watchProcess(): Closable & { open(): number; max(): number; virtualBytes(): number } {
  let open = 0
  let max = 0
  let virtualBytes = 0
  const count = async () => {
    const names = await readdir('/proc/self/fd').catch(() => [])
    open = names.length
    const status = await readFile('/proc/self/status', 'utf8').catch(() => '')
    virtualBytes = 1024 * Number(/^VmSize:\s+(\d+) kB/m.exec(status)?.[1] ?? 0)
  }
  const readLimit = async () => {
    const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
    max = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 0)
  }
  void Promise.all([count(), readLimit()])
  const timer = setInterval(() => void count(), 10_000)
  timer.unref()
  return { open: () => open, max: () => max, virtualBytes: () => virtualBytes, close: () => clearInterval(timer) }
}

/** How late timers of the main thread are: over the last minute, and the worst since the start. */
function watchEventLoop(registry: MetricRegistry): Closable {
  // Each look wakes the process, and a look every 10 ms was a tenth of what scraping 200 targets takes.
  const resolutionMs = 50
  const windowMs = 60_000
  const quantiles = [0.5, 0.9, 0.99, 0.999]
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
  let maxNs = 0
  /** Of the last whole window. */
  let shown: readonly number[] | undefined
  histogram.enable()
  const measure = () => quantiles.map((quantile) => seconds(histogram.percentile(quantile * 100)))
  const timer = setInterval(() => {
    shown = measure()
    maxNs = Math.max(maxNs, histogram.max)
    histogram.reset()
  }, windowMs)
  timer.unref()
  // The histogram measures the time between ticks of its own timer: what goes beyond its resolution is delay.
  const seconds = (intervalNs: number) => Math.max(0, intervalNs / 1e9 - resolutionMs / 1000)
  registry.sampled('solowatch_event_loop_delay_seconds', 'How late timers of the main thread are, over the last minute that has ended.', 'summary', () =>
    (shown ?? measure()).map((value, i) => ({ labels: { quantile: String(quantiles[i]) }, value })),
  )
  registry.sampled('solowatch_event_loop_delay_max_seconds', 'The longest delay of a timer of the main thread since the start.', 'gauge', () =>
    seconds(Math.max(maxNs, histogram.max)),
  )
  return {
    close() {
      clearInterval(timer)
      histogram.disable()
    },
  }
}
