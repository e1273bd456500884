// The web framework, without what it asks Node for and never uses here: it answers requests that other servers have received,
// so it needs neither HTTPS nor HTTP/2, which would take 8 MB of memory in every process.

import { registerHooks } from 'node:module'

const unused = new Set(['node:https', 'node:http2'])

const hooks = registerHooks({
  resolve(specifier, context, next) {
    const isUnused = unused.has(specifier) && context.parentURL?.endsWith('/node_modules/fastify/lib/server.js') === true
    return next(isUnused ? 'node:http' : specifier, context)
  },
})

export const { default: Fastify } = await import('fastify')

hooks.deregister()
