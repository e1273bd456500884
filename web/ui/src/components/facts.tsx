// Names and values, two columns.

import type { ComponentChildren } from 'preact'

type Props = { readonly title: string; readonly facts: readonly (readonly [name: string, value: ComponentChildren])[] | undefined }

export function Facts({ title, facts }: Props) {
  if (facts === undefined) return null
  return (
    <section class="panel">
      <h2>{title}</h2>
      <table class="facts"><tbody>{facts.map(([name, value]) => <tr key={name}><th scope="row">{name}</th><td>{value}</td></tr>)}</tbody></table>
    </section>
  )
}
