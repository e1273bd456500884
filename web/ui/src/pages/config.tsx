// The configuration in force, with its defaults, as the server prints it.

import { useState } from 'preact/hooks'
import { useApi } from '../api/useApi.ts'
import { Notice } from '../components/notice.tsx'

export function ConfigPage() {
  const { answer, error } = useApi<{ readonly yaml: string }>('status/config')
  const [isCopied, setIsCopied] = useState(false)
  const yaml = answer?.data.yaml
  return (
    <>
      <h1>Configuration</h1>
      {error && <Notice kind="error">{error.message}</Notice>}
      {yaml !== undefined && (
        <section class="panel">
          {/* The browser has a clipboard only where the connection is secure. */}
          {'clipboard' in navigator && (
            <button type="button" class="corner" onClick={() => void navigator.clipboard.writeText(yaml).then(() => setIsCopied(true))}>{isCopied ? 'Copied' : 'Copy'}</button>
          )}
          <pre>{yaml}</pre>
        </section>
      )}
    </>
  )
}
