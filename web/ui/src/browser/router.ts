// Where the browser is: the page is the last path segment, its state the query string. The server's prefix is whatever
// comes before that segment, so the app needs no configuration to live under a path.

import { useChanging } from './useChanging.ts'

const pageNames = ['query', 'alerts', 'rules', 'targets', 'service-discovery', 'status', 'tsdb-status', 'flags', 'config', 'alertmanager-discovery'] as const
export type PageName = (typeof pageNames)[number]

export type Location = { readonly page: PageName; readonly search: URLSearchParams }

/** The server's URL with a trailing slash, prefix included. */
export function serverUrl(): URL {
  return new URL('.', window.location.href)
}

function readLocation(): Location {
  const segment = window.location.pathname.split('/').pop() ?? ''
  return { page: pageNames.find((name) => name === segment) ?? 'query', search: new URLSearchParams(window.location.search) }
}

export function pageHref(page: PageName, search?: URLSearchParams): string {
  const text = search?.toString() ?? ''
  return `./${page}${text === '' ? '' : `?${text}`}`
}

const changed = new EventTarget()

/** Goes to a page; `replace` keeps the back button from stepping through every keystroke. */
export function navigate(href: string, options: { readonly replace?: boolean } = {}): void {
  if (options.replace === true) window.history.replaceState(null, '', href)
  else window.history.pushState(null, '', href)
  changed.dispatchEvent(new Event('change'))
}

export function useLocation(): Location {
  return useChanging(readLocation, [[window, 'popstate'], [changed, 'change']])
}

/** Follows a link inside the app without loading the document again, unless the user asked for a new tab. */
export function follow(event: MouseEvent): void {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return
  const link = event.currentTarget
  if (!(link instanceof HTMLAnchorElement)) return
  event.preventDefault()
  navigate(link.getAttribute('href') ?? './')
}

/** A link to the query page with one expression. */
export function expressionHref(expression: string): string {
  return pageHref('query', new URLSearchParams({ 'g0.expr': expression, 'g0.tab': '1' }))
}

/** One value of the page's query string that a link to the page shows again, and the setter of it. */
export function useSearchText(key: string): [text: string, setText: (text: string) => void] {
  const { page, search } = useLocation()
  const setText = (text: string) => {
    const next = new URLSearchParams(search)
    if (text === '') next.delete(key)
    else next.set(key, text)
    navigate(pageHref(page, next), { replace: true })
  }
  return [search.get(key) ?? '', setText]
}
