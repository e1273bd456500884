// How long a timer of Node can wait.

/** One that is to wait longer calls back at once instead. */
export const maxTimerMs = 2 ** 31 - 1
