// The browser's entry: mounts the app.
import { render } from 'preact'
import { App } from './app.tsx'
import { applyTheme } from './browser/settings.ts'
import './styles.css'

applyTheme()
const root = document.getElementById('app')
if (root !== null) render(<App />, root)
