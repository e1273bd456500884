// The templates of the built-in Alertmanager: its defaults, the user's files, and the fields of receivers, which are
// templates themselves. One of these is made per configuration load.

import { errorText } from '../../src/base/assert.ts'
import { labelValue } from '../../storage/model/labels.ts'
import { defaultEmailTemplate } from './defaultEmailTemplate.ts'
import { defaultTemplates } from './defaultTemplates.ts'
import { withBuiltins } from './language/builtins.ts'
import { TemplateError } from './language/templateError.ts'
import { notificationValue, type NotificationData } from './notificationData.ts'
import { notificationFunctions } from './notificationFunctions.ts'
import { TemplateSet } from './templateSet.ts'

export type NotificationTemplates = {
  /** Renders a field as text. Throws `TemplateError` with Go's message; nothing partial comes out. */
  text(template: string, data: NotificationData): string
  /** Renders a field as HTML: what data prints is escaped for the place where it stands. */
  html(template: string, data: NotificationData): string
  /** Parses a field only; returns what is wrong with it. */
  check(template: string): string | undefined
}

export type TemplateFileText = { readonly path: string; readonly text: string }

/** Default templates overlaid with `files` in their order. Throws `TemplateError` that names the file. */
export function createNotificationTemplates(files: readonly TemplateFileText[], options: { readonly nowMs?: () => number } = {}): NotificationTemplates {
  const nowMs = options.nowMs ?? Date.now
  const base = new TemplateSet(notificationFunctions({ nowMs, routeLabel: () => '' }))
  base.add('default.tmpl', defaultTemplates)
  base.add('email.tmpl', defaultEmailTemplate)
  for (const file of files) {
    try {
      base.add(file.path.slice(file.path.lastIndexOf('/') + 1), file.text)
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
      throw new TemplateError(`${file.path}: ${error.message}`, error.line, { cause: error })
    }
  }

  /** Fields by their text; a configuration has a handful. */
  const parsed = new Map<string, TemplateSet>()
  const parse = (template: string): TemplateSet => {
    let set = parsed.get(template)
    if (set === undefined) {
      set = base.clone()
      set.add('', template)
      if (parsed.size < 1_000) parsed.set(template, set)
    }
    return set
  }
  const render = (mode: 'text' | 'html', template: string, data: NotificationData): string => {
    if (template === '') return ''
    const functions = withBuiltins(notificationFunctions({ nowMs, routeLabel: (name) => labelValue(data.routeLabels, name) }))
    return parse(template).render('', notificationValue(data), { mode, functions })
  }
  return {
    text: (template, data) => render('text', template, data),
    html: (template, data) => render('html', template, data),
    check: (template) => {
      try {
        parse(template)
        return undefined
      } catch (error) {
        return errorText(error)
      }
    },
  }
}
