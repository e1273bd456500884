// Where the server listens and what URL it has for others, as flags say it.

import { hostname } from 'node:os'
import { UsageError } from './usageError.ts'

export type ListenAddress = { readonly host: string; readonly port: number }

/** `host:port`, `:port`, `[::1]:port`; an empty host listens on all addresses. */
export function parseListenAddress(address: string): ListenAddress {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d+)$/.exec(address)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) throw new UsageError(`flag '--web.listen-address': expected host:port, found "${address}"`)
  return { host: match[1] ?? match[2] ?? '', port }
}

/** A URL; or its path alone, then of this host. */
export function parseExternalUrl(value: string, port: number): { href: string; path: string } {
  if (/^["']|["']$/.test(value)) throw new UsageError("flag '--web.external-url': URL must not begin or end with quotes")
  const isPath = /^(?:\/(?!\/).*|[\w-]*)$/.test(value)
  const text = isPath ? `http://${hostname()}:${port}/${value.replace(/^\//, '')}` : /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`
  if (!URL.canParse(text)) throw new UsageError(`flag '--web.external-url': expected a URL, found "${value}"`)
  const url = new URL(text)
  const path = url.pathname.replace(/\/+$/, '')
  return { href: `${url.origin}${path}`, path }
}

/** `` or `/path`, without a slash at its end. */
export function parseRoutePrefix(prefix: string): string {
  const trimmed = prefix.replace(/^\/+|\/+$/g, '')
  return trimmed === '' ? '' : `/${trimmed}`
}
