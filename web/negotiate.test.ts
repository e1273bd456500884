import { describe, expect, it } from 'vitest'
import { negotiateFormat } from './negotiate.ts'

describe('negotiateFormat', () => {
  const gives = (accept: string, format: string, allowsUtf8 = false) => it(`gives ${format} for ${accept}`, () => expect(negotiateFormat(accept)).toEqual({ format, allowsUtf8 }))
  gives('', 'text')
  gives('*/*', 'text')
  gives('text/html,application/xhtml+xml,*/*;q=0.8', 'text')
  gives('application/openmetrics-text;version=1.0.0', 'openmetrics')
  gives('application/openmetrics-text; version=2.0.0, text/plain;q=0.1', 'text')
  gives('application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.9', 'text')
  gives('text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,application/openmetrics-text;version=0.0.1;q=0.5', 'openmetrics')
  gives('application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2', 'openmetrics', true)
  gives('application/openmetrics-text;q=0', 'text')
})
