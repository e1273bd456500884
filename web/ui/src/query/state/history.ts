// Expressions that were executed in this browser, the last one first.

const storageKey = 'history'
const maxEntries = 100

export function readHistory(): readonly string[] {
  try {
    const stored: unknown = JSON.parse(window.localStorage.getItem(storageKey) ?? '[]')
    return Array.isArray(stored) ? stored.filter((entry) => typeof entry === 'string') : []
  } catch {
    return [] // somebody else's text under our key
  }
}

export function addToHistory(expression: string): void {
  const others = readHistory().filter((entry) => entry !== expression)
  window.localStorage.setItem(storageKey, JSON.stringify([expression, ...others].slice(0, maxEntries)))
}

export function clearHistory(): void {
  window.localStorage.removeItem(storageKey)
}
