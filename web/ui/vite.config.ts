// Builds the single-page app into web/ui/dist. Every page lies one path segment below the server's prefix, so relative
// asset links work under any --web.external-url.
import { defineConfig } from 'vite'

export default defineConfig({
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { outDir: 'dist', emptyOutDir: true, target: 'es2023', cssTarget: ['chrome123', 'firefox120', 'safari17.5'], chunkSizeWarningLimit: 900 },
})
