// What a counting metric of OpenTelemetry counts from.

/** From the last export on. */
export const delta = 1
/** From the beginning on. */
export const cumulative = 2
