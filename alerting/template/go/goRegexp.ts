// Go's regexp as templates use it: unanchored matching, and replacing with `$1` and `${name}`. Linear time, RE2 syntax.

import { RE2JS } from 're2js'
import { CallError } from './value.ts'

/** `regexp.MatchString`. Throws `CallError` on a bad pattern. */
export function matchRegexp(pattern: string, text: string): boolean {
  return compile(pattern, '').matcher(text).find()
}

/** `regexp.MustCompile(pattern).ReplaceAllString(text, replacement)`. Throws `CallError` on a bad pattern. */
export function replaceRegexp(pattern: string, replacement: string, text: string): string {
  const shown = pattern.includes('`') ? JSON.stringify(pattern) : `\`${pattern}\``
  const regexp = compile(pattern, `regexp: Compile(${shown}): `)
  const names = regexp.namedGroups()
  const matcher = regexp.matcher(text)
  let out = ''
  let position = 0
  let lastEnd = -1
  while (matcher.find()) {
    const [start, end] = [matcher.start(), matcher.end()]
    // An empty match right after another match does not count.
    if (start === end && start === lastEnd) continue
    out += text.slice(position, start) + expand(replacement, (name) => groupText(name))
    position = lastEnd = end
  }
  return out + text.slice(position)

  function groupText(name: string): string {
    const index = /^\d+$/.test(name) ? Number(name) : names[name]
    return index === undefined || index > matcher.groupCount() ? '' : (matcher.group(index) ?? '')
  }
}

/** Go's `Regexp.Expand`: the longest name counts, so `$1x` is the group "1x"; `$$` is a dollar sign. */
function expand(template: string, group: (name: string) => string): string {
  return template.replace(/\$(?:(\$)|\{(\w+)\}|([\p{L}\p{Nd}_]+))/gu, (_, dollar?: string, braced?: string, bare?: string) => (dollar === undefined ? group(braced ?? bare ?? '') : '$'))
}

function compile(pattern: string, context: string): RE2JS {
  try {
    return RE2JS.compile(pattern)
  } catch (error) {
    throw new CallError(context + (error instanceof Error ? error.message : String(error)), { cause: error })
  }
}
