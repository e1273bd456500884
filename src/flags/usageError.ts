// What a command line that cannot be used ends with.

/** The command line cannot be used. */
export class UsageError extends Error {
  /** 2; 3 for a flag of the other mode; 1 for what Prometheus would find when it is running. */
  readonly exitCode: number
  constructor(message: string, exitCode = 2) {
    super(message)
    this.exitCode = exitCode
  }
}
