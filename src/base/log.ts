// Log lines in Prometheus's two formats, logfmt and JSON, on standard error. No other sink, no global logger: a part
// gets its logger in its parameters.

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogFormat = 'logfmt' | 'json'
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>

export type Logger = {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** A logger that adds `fields` (usually `component`) to each of its lines. */
  with(fields: LogFields): Logger
}

export const logLevels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

export type LoggerOptions = {
  readonly level: LogLevel
  readonly format: LogFormat
  /** Takes one line without its newline; standard error by default. */
  readonly write?: (line: string) => void
}

/** Creates a logger that drops lines below `level`. */
export function createLogger(options: LoggerOptions, base: LogFields = {}): Logger {
  const write = options.write ?? ((line: string) => void process.stderr.write(`${line}\n`))
  const line = (level: LogLevel) => (message: string, fields: LogFields = {}) => {
    if (logLevels.indexOf(level) < logLevels.indexOf(options.level)) return
    const all = { time: new Date().toISOString(), level: level.toUpperCase(), msg: message, ...base, ...fields }
    write(options.format === 'json' ? JSON.stringify(all) : formatLogfmt(all))
  }
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    with: (fields) => createLogger(options, { ...base, ...fields }),
  }
}

/** A logger that writes nothing. */
export const silentLogger: Logger = createLogger({ level: 'error', format: 'logfmt', write: () => {} })

function formatLogfmt(fields: LogFields): string {
  let text = ''
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue
    const plain = String(value)
    text += `${text === '' ? '' : ' '}${key}=${/^[^\s"=\\]+$/.test(plain) ? plain : JSON.stringify(plain)}`
  }
  return text
}
