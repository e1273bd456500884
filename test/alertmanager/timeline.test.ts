// Notification timelines: what happens, and what is sent when and why. See test/helpers/alerting/alertTimeline.ts for the notation.

import { describe, expect, it } from 'vitest'
import { expectedOf, runTimeline } from '../helpers/alerting/alertTimeline.ts'

const config = (options: { readonly route?: string; readonly webhook?: string; readonly rest?: string } = {}) => `
route: { receiver: web, group_by: [cluster], group_wait: 30s, group_interval: 5m, repeat_interval: 4h${options.route ?? ''} }
receivers:
- { name: web, webhook_configs: [{ url: 'http://localhost/'${options.webhook ?? ''} }] }
- { name: other, webhook_configs: [{ url: 'http://localhost/' }] }
${options.rest ?? ''}
`

function timeline(name: string, script: string, yaml = config(), reloadYaml?: string): void {
  it(name, async () => {
    const { sent } = await runTimeline(yaml, script, reloadYaml === undefined ? {} : { reloadYaml })
    expect(sent).toEqual(expectedOf(script))
  })
}

describe('a group’s timers', () => {
  timeline('follow the worked example, and repeat exactly on schedule', `
    0:00 fire A
    0:20 fire B
    0:30 -> web: A! B! first notification
    1:00 fire C
    5:30 -> web: A! B! C! new alerts added
    6:00 resolve A
    10:30 -> web: A. B! C! some alerts resolved
    4:10:30 -> web: B! C! repeat interval elapsed
    4:11:00 resolve B
    4:11:01 resolve C
    4:15:30 -> web: B. C. all alerts resolved
    9:00:00 resend C`)

  timeline('go on when the clock is set back', `
    0:00 fire A
    0:10 back 1h
    0:30 -> web: A! first notification
    1:00 fire B
    2:00 back 20m
    5:30 -> web: A! B! new alerts added
    5:40 fire C
    10:30 -> web: A! B! C! new alerts added
    11:00 expire`)

  timeline('repeat with a period that is the group interval', `
    0:00 fire A
    0:30 -> web: A! first notification
    5:30 -> web: A! repeat interval elapsed
    10:30 -> web: A! repeat interval elapsed
    12:00 expire`, config({ route: '' }).replace('4h', '5m'))

  timeline('send at once what has waited longer than group_wait elsewhere', `
    0:00 fire A
    0:10 fire old
    0:30 -> web: A! old! first notification
    1:00 expire`)

  timeline('say nothing of an alert that came and went within group_wait', `
    0:00 fire A
    0:10 resolve A
    6:00 fire B
    6:30 -> web: B! first notification
    7:00 expire`)

  timeline('begin anew after the group was empty', `
    0:00 fire A
    0:30 -> web: A! first notification
    1:00 resolve A
    5:30 -> web: A. all alerts resolved
    7:00 fire A
    7:30 -> web: A! first notification
    8:00 expire`)

  timeline('do not tell again what a sender says again after it was told', `
    0:00 fire A
    0:01 fire B
    0:30 -> web: A! B! first notification
    1:00 resolve A
    5:30 -> web: A. B! some alerts resolved
    6:00 fire C
    10:30 -> web: B! C! new alerts added
    11:00 resend A
    20:00 expire`)
})

describe('send_resolved: false', () => {
  timeline('tells nothing of resolved alerts, and forgets them', `
    0:00 fire A
    0:01 fire B
    0:30 -> web: A! B! first notification
    1:00 resolve A
    6:00 resolve B
    20:00 fire A
    20:30 -> web: A! first notification
    21:00 expire`, config({ webhook: ', send_resolved: false' }))
})

describe('silences', () => {
  timeline('hold back, and do not make alerts forgotten that resolve meanwhile', `
    0:00 fire A
    0:30 -> web: A! first notification
    1:00 silence alertname=A 1h
    7:00 resolve A
    20:00 expire
    30:00 fire A
    30:30 -> web: A! first notification   # the original waits for the repeat interval here
    31:00 expire`)

  timeline('forget one alert of a group only', `
    0:00 fire A
    0:01 fire B
    0:30 -> web: A! B! first notification
    1:00 silence alertname=A 1h
    2:00 resolve A
    11:00 expire
    12:00 fire A
    15:30 -> web: A! B! new alerts added
    20:00 expire`)

  timeline('let an alert through at the next tick after their end', `
    0:00 silence alertname=A 10m
    0:01 fire A
    10:31 -> web: A! first notification
    11:00 expire`)

  timeline('say nothing when an alert that was told is silenced and comes back', `
    0:00 fire A
    0:30 -> web: A! first notification
    1:00 silence alertname=A 10m
    30:00 resolve A
    30:30 -> web: A. all alerts resolved
    31:00 expire`)
})

describe('inhibition', () => {
  const rest = "inhibit_rules: [{ source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [cluster] }]"
  timeline('holds back its targets until the source resolves, also when the source is silenced', `
    0:00 silence alertname=Big 2h
    0:01 fire Big severity=critical cluster=a
    0:02 fire Small severity=warning cluster=a
    0:03 fire Small2 severity=warning cluster=b
    0:33 -> web: Small2! first notification
    6:00 resolve Big
    10:31 -> web: Small! first notification
    11:00 expire`, config({ rest }))
})

describe('time intervals', () => {
  timeline('mute a route while they hold', `
    0:00 fire A team=a
    0:01 fire B team=b cluster=x
    0:31 -> other: B! first notification
    20:30 -> web: A! first notification
    21:00 expire`, config({
    route: ", routes: [{ matchers: [team=a], mute_time_intervals: [early] }, { matchers: [team=b], receiver: other, active_time_intervals: [early] }]",
    rest: "time_intervals: [{ name: early, time_intervals: [{ times: [{ start_time: '10:00', end_time: '10:16' }] }] }]",
  }))
})

describe('a receiver that fails', () => {
  timeline('is tried again until it takes the notification', `
    0:00 down web
    0:01 fire A
    0:40 up web
    0:41.391 -> web: A! first notification
    1:00 expire`)

  const two = config().replace("{ url: 'http://localhost/' }", "{ url: 'http://localhost/' }, { url: 'http://localhost/2' }")

  timeline('does not delay the other integrations, and is told what it missed', `
    0:00 fire A
    0:30 -> web: A! first notification
    0:30 -> web[1]: A! first notification
    1:00 down web
    2:00 resolve A
    5:30 -> web[1]: A. all alerts resolved
    9:00 up web
    9:38.746 -> web: A. all alerts resolved
    20:00 fire B
    20:30 -> web: B! first notification
    20:30 -> web[1]: B! first notification
    21:00 expire`, two)

  timeline('that is slow is told the newest, one thing at a time', `
    0:00 slow web 25s
    0:01 fire A
    0:02 -> web[1]: A! first notification
    0:03 fire B
    0:12 -> web[1]: A! B! new alerts added
    0:13 fire C
    0:22 -> web[1]: A! B! C! new alerts added
    0:27 -> web: A! first notification
    0:52 -> web: A! B! C! new alerts added
    1:20 expire`, two.replace('group_wait: 30s', 'group_wait: 1s').replace('5m', '10s'))
})

describe('a restart', () => {
  for (const how of ['restart', 'crash']) {
    timeline(`(${how}) resumes group_wait`, `
      0:00 fire A
      0:20 ${how}
      0:30 -> web: A! first notification
      1:00 expire`)

    timeline(`(${how}) repeats nothing, keeps the phase, and still sends what resolves`, `
      0:00 fire A
      0:01 fire B
      0:30 -> web: A! B! first notification
      2:00 ${how}
      3:00 resolve A
      5:30 -> web: A. B! some alerts resolved
      7:00 ${how}
      8:00 ${how}
      8:01 fire C
      10:30 -> web: B! C! new alerts added
      4:10:30 -> web: B! C! repeat interval elapsed
      4:11:00 expire`)

    timeline(`(${how}) sends at once what fell due meanwhile`, `
      0:00 fire A
      0:30 -> web: A! first notification
      1:00 down web
      2:00 resolve A
      5:40 ${how}
      5:41 up web
      5:41.25 -> web: A. all alerts resolved
      6:00 expire`)

    timeline(`(${how}) keeps silences and what they hid`, `
      0:00 silence alertname=A 1h
      0:01 fire A
      1:00 ${how}
      20:00 ${how}
      1:00:31 -> web: A! first notification
      1:05:00 expire`)
  }
})

describe('a reload', () => {
  timeline('keeps the groups’ phases and repeats nothing', `
    0:00 fire A
    0:10 reload
    0:30 -> web: A! first notification
    2:00 reload
    3:00 fire B
    5:30 -> web: A! B! new alerts added
    6:00 resolve A
    7:00 reload
    10:30 -> web: A. B! some alerts resolved
    11:00 expire`)

  timeline('sends to the new receiver what moves to it', `
    0:00 fire A
    0:30 -> web: A! first notification
    2:00 reload
    5:30 -> other: A! first notification
    6:00 expire`, config(), config().replace('receiver: web', 'receiver: other'))

  timeline('begins again what it cut off', `
    0:00 down web
    0:01 fire A
    1:00 reload
    1:10 up web
    1:10.391 -> web: A! first notification
    6:00 expire`)
})

describe('routing', () => {
  timeline('tells each route that continues, and equal siblings independently', `
    0:00 fire A team=a
    0:30 -> web: A! first notification
    0:30 -> web: A! first notification
    1:00 resolve A
    5:30 -> web: A. all alerts resolved
    5:30 -> web: A. all alerts resolved
    6:00 expire`, config({ route: ', routes: [{ matchers: [team=a], continue: true }, { matchers: [team=a] }]' }))

  timeline('groups by the route’s labels', `
    0:00 fire A cluster=x
    0:05 fire B cluster=y
    0:06 fire C cluster=x
    0:30 -> web: A! C! first notification
    0:35 -> web: B! first notification
    1:00 expire`)
})
