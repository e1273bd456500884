// How vitest finds and runs the tests: beside the code they test, and below test/ what crosses areas.

import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{src,ingest,query,alerting,storage,web,bench,test}/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // What is waited for comes at once on an idle machine and late on a busy one.
    expect: { poll: { timeout: 10_000 } },
  },
})
