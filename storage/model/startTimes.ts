// How start timestamps are stored (--enable-feature=st-storage): a sample that says when its counter began has a sample at the
// same time in a hidden series with the label __start_of__="REF of its series", whose value is the start in milliseconds. So the head,
// the log, partitions, late samples, retention and crashes treat it as they treat numbers, and as it nearly never changes
// it takes next to nothing. assembly/batch/startTimes.ts writes them.

/** The label of a hidden series, its only one. */
export const startLabel = '__start_of__'

/** The starts of some samples of a series: at each time, when the counter of the sample of that time began. Ascending, the caller's own. */
export type StartTimes = { readonly timestampsMs: Float64Array; readonly startsMs: Float64Array }
