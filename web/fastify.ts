// The web framework, without what it asks Node for and never uses here: it answers requests that other servers have received,
// so it needs neither HTTPS nor HTTP/2, which would take 8 MB of memory in every process.

import { registerHooks } from 'node:module'

const unused = new Set(['node:https', 'node:http2'])

// Whoever asks: in the bundle it is not the framework's own file that does.
const hooks = registerHooks({ resolve: (specifier, context, next) => next(unused.has(specifier) ? 'node:http' : specifier, context) })

export const { default: Fastify } = await import('fastify')

hooks.deregister()
