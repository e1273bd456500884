// Console pages, asked of Debian's Prometheus and of solowatch with the same templates, configuration and samples: the pages
// are the same to the last byte, and so are the words when a page does not work.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postRemoteWrite, remoteWriteBody } from '../helpers/remoteWriteBody.ts'
import { type RunningServer, startPrometheus, startSolowatch } from '../helpers/servers.ts'

const dir = mkdtempSync(join(tmpdir(), 'solowatch-consoles-'))
let own: RunningServer
let peer: RunningServer

const shared = {
  'frame.lib': `{{ define "top" }}<!doctype html>
<html><head><title>{{ .Path }}</title><script>var prefix = "{{ pathPrefix }}", params = {{ .Params }};</script></head><body>{{ end }}
{{ define "end" }}</body></html>{{ end }}`,
  'values.lib': `{{ define "plain" }}{{ . }}{{ end }}{{ define "short" }}{{ humanize . }}{{ end }}{{ define "link" }}{{ $how := or .arg1 "plain" }}<a href="{{ pathPrefix }}{{ graphLink .arg0 }}">
{{ with query .arg0 }}{{ tmpl $how (. | first | value) }}{{ else }}-{{ end }}</a>{{ end }}`,
  'notes.txt': '{{ no template',
}

const pages = {
  'beds.html': `{{ template "top" . }}
<table title='{{ .Params.title }}'>{{ range query (printf "bed_height_cm{garden='%s'}" .Params.garden) | sortByLabel "bed" }}
<tr style="color: {{ if gt .Value 20.0 }}green{{ else }}grey{{ end }}"><td>{{ .Labels.bed }}</td><td>{{ template "link" (args (printf "bed_height_cm{bed='%s'}" .Labels.bed) "short") }}</td></tr>
{{ else }}none{{ end }}</table>
<p>{{ $params.garden }} {{ $rawParams.garden }} {{ .RawParams.Get "garden" }} {{ $rawParams.missing }}|{{ index .RawParams "garden" 1 }} {{ $path }} {{ $externalLabels.site }} {{ .ExternalLabels }}</p>
<p>{{ query "scalar(bed_height_cm{bed='beans'}) * 1e3" | first | value | humanize }} {{ with query "nothing" }}some{{ else }}nothing{{ end }}</p>
<a href="?{{ range $name, $value := .Params }}{{ $name }}={{ $value }}&amp;{{ end }}">{{ safeHtml "<b>again</b>" }}</a>{{ "<b>" }}
{{ template "end" }}`,
  'sub/page.html': '{{ template "top" . }}{{ $path }}{{ template "end" }}',
  'bare.html': '{{ 1 }} &amp; 2',
  'unparsed.html': '{{ if }}',
  'undefined.html': '{{ nosuchfunction 1 }}',
  'noTmpl.html': '{{ tmpl "absent" 1 }}',
  'badQuery.html': '{{ query "up{" }}',
  'text.html': '{{ query "\\"a\\"" }}',
  'first.html': '{{ query "nothing" | first }}',
}

beforeAll(async () => {
  for (const name of ['own', 'peer', 'pages/sub', 'shared']) mkdirSync(join(dir, name), { recursive: true })
  for (const [name, text] of Object.entries(shared)) writeFileSync(join(dir, 'shared', name), text)
  for (const [name, text] of Object.entries(pages)) writeFileSync(join(dir, 'pages', name), text)
  const config = join(dir, 'prometheus.yml')
  writeFileSync(config, 'global: { external_labels: { site: "<lab>", floor: "2" } }\n')
  const args = [`--web.console.templates=${join(dir, 'pages')}`, `--web.console.libraries=${join(dir, 'shared')}`, '--web.external-url=http://watch.example/outer', '--web.route-prefix=/']
  own = await startSolowatch(join(dir, 'own'), [`--config.file=${config}`, ...args])
  peer = await startPrometheus(join(dir, 'peer'), config, ['--web.enable-remote-write-receiver', ...args])
  const series = ['beans', 'leek & onion', '<script>'].map((bed, i) => ({ labels: { __name__: 'bed_height_cm', garden: 'north', bed }, samples: [{ timestampMs: Date.now(), value: 12.5 * (i + 1) }] }))
  for (const server of [own, peer]) expect((await postRemoteWrite(server.url, remoteWriteBody(series))).status).toBe(204)
}, 60_000)

afterAll(async () => {
  await own?.stop()
  await peer?.stop()
  rmSync(dir, { recursive: true, force: true })
})

async function ask(server: RunningServer, path: string): Promise<{ readonly status: number; readonly body: string }> {
  const response = await fetch(`${server.url}/consoles/${path}`)
  return { status: response.status, body: await response.text() }
}

const same = (path: string, status = 200) =>
  it(`are the same: ${path}`, async () => {
    const ours = await ask(own, path)
    expect(ours).toEqual(await ask(peer, path))
    expect(ours.status).toBe(status)
  })

describe('consoles', () => {
  same('beds.html?garden=north&garden=south&title=it%27s+%3Ca%3E')
  same('beds.html?garden=west&garden=')
  same('sub/page.html')
  same('bare.html')
  same('sub/../sub/page.html?a=%22%3E%3C')
  for (const name of ['unparsed', 'undefined', 'noTmpl', 'badQuery', 'text', 'first']) same(`${name}.html`, 500)
  same('sub', 500)
  same('', 500)
  same('nothing.html', 404)

  it('are HTML, whatever they begin with', async () => {
    expect((await fetch(`${own.url}/consoles/bare.html`)).headers.get('content-type')).toBe('text/html; charset=utf-8')
  })

  it('come from their directory alone', async () => {
    for (const path of ['..%2fprometheus.yml', 'sub/%2e%2e%2f%2e%2e/prometheus.yml', '%00']) expect((await ask(own, path)).status).toBe(404)
  })
})
