// The named templates that receivers use when a field is not configured. The texts they print are those of Alertmanager to
// the byte, so that filters and integrations behind a receiver keep working.

/** Lists that other templates include; their dot is a list of alerts. */
const shared = `
{{- define "__alertmanager" }}Alertmanager{{ end -}}
{{- define "__alertmanagerURL" }}{{ .ExternalURL }}/#/alerts?receiver={{ .Receiver | urlquery }}{{ end -}}
{{- define "__description" }}{{ end -}}
{{- define "__subject" }}[{{ .Status | toUpper }}{{ if eq .Status "firing" }}:{{ len .Alerts.Firing }}{{ end }}] {{ join " " .GroupLabels.SortedPairs.Values }} {{ if gt (len .CommonLabels) (len .GroupLabels) }}({{ join " " (.CommonLabels.Remove .GroupLabels.Names).Values }}){{ end }}{{ end -}}

{{- define "__text_alert_list" }}{{ range . }}Labels:
{{ range .Labels.SortedPairs }} - {{ .Name }} = {{ .Value }}
{{ end }}Annotations:
{{ range .Annotations.SortedPairs }} - {{ .Name }} = {{ .Value }}
{{ end }}Source: {{ .GeneratorURL }}
{{ end }}{{ end -}}

{{- define "__text_alert_list_markdown" }}{{ range . }}
Labels:
{{ range .Labels.SortedPairs }}  - {{ .Name }} = {{ .Value }}
{{ end }}
Annotations:
{{ range .Annotations.SortedPairs }}  - {{ .Name }} = {{ .Value }}
{{ end }}
Source: {{ .GeneratorURL }}

{{ end }}{{ end -}}
`

const annotationLine = '{{ join " " .CommonAnnotations.SortedPairs.Values }}'

/** Headings directly above their lists, used where a text follows a subject. */
const compactText = `${annotationLine}
{{ if .Alerts.Firing }}Alerts Firing:
{{ template "__text_alert_list" .Alerts.Firing }}{{ end }}
{{ if .Alerts.Resolved }}Alerts Resolved:
{{ template "__text_alert_list" .Alerts.Resolved }}{{ end }}`

/** Each section set off by blank lines, whose newlines stay when the section is missing. */
function sections(heading: string, list: string): string {
  return `
{{ if .Alerts.Firing }}
${heading}Alerts Firing:
{{ template "${list}" .Alerts.Firing }}
{{ end }}
{{ if .Alerts.Resolved }}
${heading}Alerts Resolved:
{{ template "${list}" .Alerts.Resolved }}
{{ end }}
`
}

const plainText = sections('', '__text_alert_list')
const annotatedText = annotationLine + plainText
const markdownText = sections('# ', '__text_alert_list_markdown')

const subject = '{{ template "__subject" . }}'
const alertmanager = '{{ template "__alertmanager" . }}'
const url = '{{ template "__alertmanagerURL" . }}'
const color = '{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}'

function jiraPriority(): string {
  const highest = (alerts: string): string => `
  {{- range ${alerts} }}{{ with index $rank .Labels.severity }}{{ if gt . $best }}{{ $best = . }}{{ end }}{{ end }}{{ end }}`
  return `{{ $rank := dict "critical" 3 "warning" 2 "info" 1 }}{{ $best := 0 -}}
  ${highest('.Alerts.Firing')}
  {{- if eq $best 0 }}${highest('.Alerts.Resolved')}{{ end }}
  {{- if gt $best 0 }}{{ index (list "" "Low" "Medium" "High") $best }}{{ end }}`
}

const fields: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  slack: {
    title: subject,
    username: alertmanager,
    fallback: '{{ template "slack.default.title" . }} | {{ template "slack.default.titlelink" . }}',
    callbackid: '',
    pretext: '',
    titlelink: url,
    iconemoji: '',
    iconurl: '',
    text: '',
    footer: '',
    color,
  },
  pagerduty: { description: subject, client: alertmanager, clientURL: url, instances: '{{ template "__text_alert_list" . }}' },
  opsgenie: { message: subject, description: compactText, source: url },
  victorops: { state_message: compactText, entity_display_name: subject, monitoring_tool: alertmanager },
  wechat: { message: `${subject}\n${compactText}\nAlertmanagerUrl:\n${url}`, to_user: '', to_party: '', to_tag: '', agent_id: '' },
  pushover: { title: subject, message: annotatedText, url },
  sns: { subject, message: annotatedText },
  webex: { message: annotatedText },
  telegram: { message: plainText },
  discord: { title: subject, message: plainText, content: '' },
  msteams: { summary: subject, title: subject, text: markdownText },
  msteamsv2: { title: subject, text: markdownText },
  jira: { summary: subject, description: markdownText, priority: jiraPriority() },
  rocketchat: { title: subject, alias: alertmanager, titlelink: url, emoji: '', iconurl: '', text: '' },
  mattermost: {
    color,
    username: alertmanager,
    title: subject,
    titlelink: url,
    fallback: '{{ template "mattermost.default.title" . }} | {{ template "mattermost.default.titlelink" . }}',
    text: markdownText,
  },
  email: { subject },
}

/** All of them as one template text; the page of an e-mail is in defaultEmailTemplate.ts. */
export const defaultTemplates: string =
  shared +
  Object.entries(fields)
    .flatMap(([receiver, templates]) => Object.entries(templates).map(([field, text]) => `{{ define "${receiver}.default.${field}" }}${text}{{ end }}`))
    .join('')
