// The types that mark a text as already safe for a place in an HTML page, as in Go's html/template.

import type { TypeInfo } from '../go/value.ts'

export const safeHtmlType: TypeInfo = { name: 'template.HTML' }
export const safeUrlType: TypeInfo = { name: 'template.URL' }
