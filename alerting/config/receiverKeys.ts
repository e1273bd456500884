// The receivers of Alertmanager that are not built here yet: their keys, so that a misspelt one is still an error, and
// what `send_resolved` is when it is not given.

type UnbuiltReceiver = { readonly sendResolved: boolean; readonly keys: readonly string[] }

const words = (text: string) => text.trim().split(/\s+/)

export const unbuiltReceivers: Readonly<Record<string, UnbuiltReceiver>> = {
  pagerduty: {
    sendResolved: true,
    keys: words(`routing_key routing_key_file service_key service_key_file url client client_url description details images
      links source severity class component group timeout`),
  },
  opsgenie: {
    sendResolved: true,
    keys: words(`api_key api_key_file api_url message description source details entity responders actions tags note
      priority update_alerts`),
  },
  victorops: {
    sendResolved: true,
    keys: words(`api_key api_key_file api_url routing_key message_type state_message entity_display_name monitoring_tool
      custom_fields`),
  },
  pushover: {
    sendResolved: true,
    keys: words(`user_key user_key_file token token_file title message url url_title device sound priority retry expire ttl
      html monospace`),
  },
  telegram: {
    sendResolved: true,
    keys: words(`api_url bot_token bot_token_file chat_id chat_id_file message_thread_id message disable_notifications
      parse_mode`),
  },
  discord: { sendResolved: true, keys: words('webhook_url webhook_url_file title message content username avatar_url') },
  webex: { sendResolved: true, keys: words('api_url room_id message') },
  msteams: { sendResolved: true, keys: words('webhook_url webhook_url_file title text summary') },
  msteamsv2: { sendResolved: true, keys: words('webhook_url webhook_url_file title text') },
  sns: {
    sendResolved: true,
    keys: words('api_url sigv4 topic_arn phone_number target_arn subject message attributes use_aws_http_client'),
  },
  wechat: {
    sendResolved: false,
    keys: words('api_secret api_secret_file api_url corp_id message message_type agent_id to_user to_party to_tag'),
  },
  jira: {
    sendResolved: true,
    keys: words(`api_url api_type project issue_type summary description labels priority reopen_transition
      resolve_transition wont_fix_resolution reopen_duration fields custom_fields`),
  },
  rocketchat: {
    sendResolved: false,
    keys: words(`api_url token token_file token_id token_id_file channel color title title_link text fields short_fields
      emoji icon_url image_url thumb_url link_names actions`),
  },
  incidentio: { sendResolved: true, keys: words('url url_file alert_source_token alert_source_token_file max_alerts timeout') },
  mattermost: {
    sendResolved: true,
    keys: words(`webhook_url webhook_url_file channel username icon_url icon_emoji text fallback color pretext author_name
      author_link author_icon title title_link fields thumb_url footer footer_icon image_url attachments type props
      priority`),
  },
}
