// Which build answers, in the fields that Prometheus and Alertmanager show of themselves.

export type BuildInfo = {
  readonly version: string
  readonly revision: string
  readonly branch: string
  readonly buildUser: string
  readonly buildDate: string
  readonly goVersion: string
}
