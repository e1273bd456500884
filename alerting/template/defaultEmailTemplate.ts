// The page an e-mail shows when no `html` is configured: what Alertmanager's page says in the same order, in markup of our
// own. Tables and inline styles, because mail programs know little else; no images, nothing loaded from outside.

const font = 'font-family: Helvetica, Arial, sans-serif'
const cell = `${font}; font-size: 14px; line-height: 1.5; color: #222222; padding: 0 0 16px 0`

/** One alert of a list: labels, annotations if it has any, and the link to its source. */
const alertTemplate = `{{ define "__email_alert" }}
<tr><td style="${cell}">
<strong>Labels</strong><br />
{{ range .Labels.SortedPairs }}{{ .Name }} = {{ .Value }}<br />
{{ end }}{{ if .Annotations }}<strong>Annotations</strong><br />
{{ range .Annotations.SortedPairs }}{{ .Name }} = {{ .Value }}<br />
{{ end }}{{ end }}<a href="{{ .GeneratorURL }}" style="color: #348eda; text-decoration: underline">Source</a><br />
</td></tr>
{{ end }}`

const heading = (state: string): string => `<tr><td style="${cell}"><strong style="font-size: 16px">[{{ len .Alerts.${state} }}] ${state}</strong></td></tr>
{{ range .Alerts.${state} }}{{ template "__email_alert" . }}{{ end }}`

export const defaultEmailTemplate: string = `${alertTemplate}
{{- define "email.default.html" -}}
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta name="viewport" content="width=device-width" />
<meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
<title>{{ template "__subject" . }}</title>
</head>
<body style="${font}; font-size: 14px; margin: 0; padding: 0; background-color: #f4f4f4">
<table width="100%" cellpadding="0" cellspacing="0" border="0" bgcolor="#f4f4f4" style="width: 100%; background-color: #f4f4f4">
<tr><td align="center" valign="top" style="padding: 20px 10px">
<table width="600" cellpadding="0" cellspacing="0" border="0" bgcolor="#ffffff" style="width: 100%; max-width: 600px; background-color: #ffffff; border: 1px solid #dddddd">
<tr><td align="center" bgcolor="{{ if .Alerts.Firing }}#E6522C{{ else }}#68B90F{{ end }}" style="${font}; font-size: 16px; font-weight: bold; color: #ffffff; padding: 20px; background-color: {{ if .Alerts.Firing }}#E6522C{{ else }}#68B90F{{ end }}">
{{ len .Alerts }} alert{{ if gt (len .Alerts) 1 }}s{{ end }} for {{ range .GroupLabels.SortedPairs }}{{ .Name }}={{ .Value }} {{ end }}
</td></tr>
<tr><td style="padding: 20px">
<table width="100%" cellpadding="0" cellspacing="0" border="0" style="width: 100%">
<tr><td style="${cell}"><a href="{{ template "__alertmanagerURL" . }}" style="display: inline-block; padding: 8px 16px; background-color: #348eda; border-radius: 4px; color: #ffffff; font-weight: bold; text-decoration: none">View in {{ template "__alertmanager" . }}</a></td></tr>
{{ if .Alerts.Firing }}${heading('Firing')}{{ end }}
{{ if .Alerts.Resolved }}{{ if .Alerts.Firing }}<tr><td style="padding: 0 0 16px 0"><hr /></td></tr>
{{ end }}${heading('Resolved')}{{ end }}
</table>
</td></tr>
</table>
<p style="${font}; font-size: 12px; color: #888888; padding: 12px 0; margin: 0"><a href="{{ .ExternalURL }}" style="color: #888888; text-decoration: underline">Sent by {{ template "__alertmanager" . }}</a></p>
</td></tr>
</table>
</body>
</html>
{{ end -}}
`
