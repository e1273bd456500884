// Why a query of memory alone cannot be answered there.

/** Samples are needed that are not in memory. */
export class NotInMemory extends Error {}

/** They are in chunks that a query worker can lend, see lentChunks.ts. */
export class NotLent extends NotInMemory {}
