// Messages of the server (errors, warnings, infos) and small marks for states.

import type { ComponentChildren } from 'preact'

export function Notice({ kind, children }: { readonly kind: 'error' | 'warning' | 'info'; readonly children: ComponentChildren }) {
  return <div class={`notice ${kind}`} role={kind === 'error' ? 'alert' : 'status'}>{children}</div>
}

export function Badge({ state }: { readonly state: string }) {
  return <span class={`badge ${state}`}>{state}</span>
}

export function Labels({ labels, omit }: { readonly labels: Readonly<Record<string, string>>; readonly omit?: string }) {
  const pairs = Object.entries(labels).filter(([name]) => name !== omit)
  return (
    <span class="labels">
      {pairs.map(([name, value]) => (
        <span class="label" key={name}>{name}=<b>"{value}"</b></span>
      ))}
    </span>
  )
}
