import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/** Tests import the sources for their types and run the compiled code, the same that users and workers run. */
const compiled = fileURLToPath(new URL('./dist/', import.meta.url))

export default defineConfig({
  resolve: {
    alias: [{ find: /^(?:\.\.\/)+(src|operators|pipelines)\/(.*\.js)$/, replacement: `${compiled}$1/$2` }],
  },
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/fastCheck.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
})
