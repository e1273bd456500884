/** As in Prometheus: 1 when something fails while it runs, 2 when arguments or configuration cannot be used. */
export const exitCodes = { clean: 0, runtime: 1, usage: 2 } as const
