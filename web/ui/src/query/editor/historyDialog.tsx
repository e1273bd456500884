// Earlier expressions of this browser, to be taken up again.

import { useState } from 'preact/hooks'
import { Dialog } from '../../components/dialog.tsx'
import { contains, SearchField } from '../../components/searchField.tsx'
import { clearHistory, readHistory } from '../state/history.ts'

export function HistoryDialog({ onChoose, onClose }: { onChoose(expression: string): void; onClose(): void }) {
  const [text, setText] = useState('')
  const entries = readHistory()
  const found = entries.filter((expression) => contains(expression, text))
  return (
    <Dialog title="Earlier queries" onClose={onClose}>
      <div class="controls">
        <SearchField inDialog label="Filter earlier queries" hint="Filter" value={text} onChange={setText} />
        {entries.length > 0 && (
          <button type="button" class="quiet" onClick={() => {
            clearHistory()
            onClose()
          }}>Forget all</button>
        )}
      </div>
      {found.length === 0 && <p class="empty">{entries.length === 0 ? 'Nothing was asked in this browser yet.' : 'No earlier query has that.'}</p>}
      <ul class="choices">
        {found.map((expression) => <li key={expression}><button type="button" class="code" onClick={() => onChoose(expression)}>{expression}</button></li>)}
      </ul>
    </Dialog>
  )
}
