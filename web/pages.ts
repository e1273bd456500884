// The single-page app: its document at the paths it knows, its assets, and the redirects that old links need. Unknown
// paths stay 404, because clients probe for them.

import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { plain, redirect } from './answer.ts'
import type { Answer } from './answer.ts'
import type { Router } from './router.ts'

export type PageOptions = {
  /** `` or `/path`. */
  readonly prefix: string
  /** The path of the external URL, in the same form: what browsers put before a path, which a proxy may take away or exchange. */
  readonly externalPath: string
  /** The directory that the UI is built into. */
  readonly uiDir: string
  /** Served at /user when not empty. */
  readonly userAssets: string
  readonly pageTitle: string
}

const pagePaths = ['query', 'alerts', 'rules', 'targets', 'status', 'config', 'flags', 'tsdb-status', 'service-discovery', 'alertmanager-discovery']

export async function addPageRoutes(fastify: FastifyInstance, router: Router, options: PageOptions): Promise<void> {
  const { prefix, externalPath, uiDir, userAssets } = options
  const document = await readDocument(options)
  const always = { whenNotReady: true }
  for (const path of pagePaths) router.get(`/${path}`, () => document, always)
  router.get('/', () => redirect(`${externalPath}/query`), always)
  router.get('/graph', ({ rawQuery }) => redirect(`${externalPath}/query${rawQuery === '' ? '' : `?${rawQuery}`}`), always)
  if (prefix !== '') {
    fastify.get('/', (_, reply) => reply.redirect(`${prefix}/`, 302))
    fastify.get(prefix, (_, reply) => reply.redirect(`${prefix}/`, 302))
  }
  for (const [name, { file, contentType }] of Object.entries(describingFiles)) {
    const body = await readFile(join(uiDir, file)).catch(() => undefined)
    if (body !== undefined) router.get(`/${name}`, () => ({ status: 200, headers: { 'content-type': contentType, 'cache-control': 'max-age=86400' }, body }), always)
  }
  for (const name of await readdir(join(uiDir, 'assets')).catch(() => [])) {
    // Their names hold a hash of their content, so a browser may keep them for good.
    const headers = { 'content-type': assetTypes[extname(name)] ?? 'application/octet-stream', 'cache-control': 'public, max-age=31536000, immutable' }
    router.get(`/assets/${name}`, async () => ({ status: 200, headers, body: await readFile(join(uiDir, 'assets', name)) }), always)
  }
  if (userAssets !== '') {
    const { default: fastifyStatic } = await import('@fastify/static')
    await fastify.register(fastifyStatic, { root: userAssets, prefix: `${prefix}/user/` })
  }
}

/** What browsers ask for to show a page among others, by the path. */
const describingFiles = {
  'favicon.svg': { file: 'favicon.svg', contentType: 'image/svg+xml' },
  'favicon.ico': { file: 'favicon.svg', contentType: 'image/svg+xml' },
  'manifest.json': { file: 'manifest.json', contentType: 'application/manifest+json' },
}

/** What the build of the UI makes. */
const assetTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}

async function readDocument({ uiDir, pageTitle }: PageOptions): Promise<Answer> {
  const html = await readFile(join(uiDir, 'index.html'), 'utf8').catch(() => undefined)
  if (html === undefined) return plain(404, 'The pages are not built: run `npm run build:ui` once. The HTTP API works without them.\n')
  return {
    status: 200,
    headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' },
    body: html.replace(/<title>.*?<\/title>/, () => `<title>${escapeHtml(pageTitle)}</title>`),
  }
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
