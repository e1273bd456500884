/**
 * Gives back the memory that only the start of this thread needed: code that ran once and what it left behind, 2 to 4 MB each.
 * Takes some 20 ms in the writer thread and 60 ms in the main thread, so it is for a start only. Without `--expose-gc`,
 * which main.ts gives Node, it does nothing.
 */
export function settleMemory(): void {
  globalThis.gc?.({ type: 'major', flavor: 'last-resort' })
}
