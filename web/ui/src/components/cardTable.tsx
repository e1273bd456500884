// A table whose rows are cards on a narrow screen, where each value stands beside the title of its column.

import type { ComponentChildren } from 'preact'

export type CardColumn<Row> = {
  readonly title: string
  /** As narrow as what is in it. */
  readonly isShort?: boolean
  cell(row: Row): ComponentChildren
  /** Shown while the pointer rests on the cell. */
  hint?(row: Row): string
}

type Props<Row> = {
  readonly rows: readonly Row[]
  readonly columns: readonly CardColumn<Row>[]
  /** All columns are of one width. */
  readonly isEven?: boolean
  keyOf(row: Row, index: number): string
}

export function CardTable<Row>({ rows, columns, isEven = false, keyOf }: Props<Row>) {
  return (
    <table class={isEven ? 'cards even' : 'cards'}>
      <thead><tr>{columns.map(({ title }) => <th key={title}>{title}</th>)}</tr></thead>
      <tbody>
        {rows.map((row, index) => (
          <tr key={keyOf(row, index)}>
            {columns.map(({ title, isShort, cell, hint }) => <td key={title} data-title={title} class={isShort === true ? 'short' : undefined} title={hint?.(row)}>{cell(row)}</td>)}
          </tr>
        ))}
      </tbody>
    </table>
  )
}
