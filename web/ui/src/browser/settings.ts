// What a person chose for all pages, kept in the browser: UTC or local time, light or dark.

import { useChanging } from './useChanging.ts'

export type Settings = { readonly utc: boolean; readonly theme: Theme }
export type Theme = 'auto' | 'light' | 'dark'

const changed = new EventTarget()

function readSettings(): Settings {
  const theme = window.localStorage.getItem('theme')
  return { utc: window.localStorage.getItem('utc') === 'true', theme: theme === 'light' || theme === 'dark' ? theme : 'auto' }
}

export function changeSettings({ utc, theme }: Partial<Settings>): void {
  if (utc !== undefined) window.localStorage.setItem('utc', String(utc))
  if (theme !== undefined) window.localStorage.setItem('theme', theme)
  applyTheme()
  changed.dispatchEvent(new Event('change'))
}

/** The style sheet's colours follow `color-scheme`. */
export function applyTheme(): void {
  const { theme } = readSettings()
  document.documentElement.style.colorScheme = theme === 'auto' ? 'light dark' : theme
}

/** Renders the component again when a setting changes, on this page or in another tab. */
export function useSettings(): Settings {
  return useChanging(readSettings, [[changed, 'change'], [window, 'storage']])
}
