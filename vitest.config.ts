import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/** Tests import the sources for their types and run the compiled code, the same that users and workers run. */
const compiled = fileURLToPath(new URL('./dist/', import.meta.url))

const SLOW = 'test/**/*.slow.test.ts'
const projects = [
  { name: 'fast', include: ['test/**/*.test.ts'], exclude: [SLOW] },
  // Whole commands in processes of their own, a browser, the real runtime over many seeds.
  { name: 'slow', include: [SLOW] },
]

export default defineConfig({
  resolve: {
    alias: [{ find: /^(?:\.\.\/)+(src|operators|pipelines)\/(.*\.js)$/, replacement: `${compiled}$1/$2` }],
  },
  test: {
    projects: projects.map((test) => ({ extends: true as const, test })),
    setupFiles: ['test/fastCheck.ts'],
    // Long enough for a machine that also does other work.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    maxWorkers: 2,
    // The code has no global state, so files of a worker share its modules: importing them anew for each takes a third of the time.
    isolate: false,
    unstubEnvs: true,
    // Tests leave the user's cache alone.
    env: { XDG_CACHE_HOME: join(tmpdir(), 'rxargs-test-cache') },
  },
})
