import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{src,ingest,query,alerting,storage,web,bench,test}/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
