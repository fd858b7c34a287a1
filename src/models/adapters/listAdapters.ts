import { fork } from 'node:child_process'
import { messageOf } from '../../core/errors.js'
import type { GpuAdapter } from './adapter.js'
import { withMemory } from './adapterMemory.js'
import type { FromAdapterProcess } from './adapterProcess.js'

/**
 * The adapters of this machine, the one that the runtime takes first. Without a list, `unknown` says why in one line. `loader`: whether the system has a
 * Vulkan loader (Linux only).
 */
export type AdapterList = Readonly<{ loader?: boolean }> &
  (Readonly<{ adapters: readonly GpuAdapter[] }> | Readonly<{ adapters?: undefined; unknown: string }>)

/** A driver may need seconds to wake a machine's cards. */
const PATIENCE_MS = 60_000

/** Asks the package `webgpu`, an optional install, for the adapters, and the system for their memory. Takes about 0.2 s. */
export async function listAdapters(): Promise<AdapterList> {
  const { loader, ...answer } = await ask()
  const known = loader === undefined ? {} : { loader }
  if ('adapters' in answer) return { ...known, adapters: await withMemory(answer.adapters) }
  if ('missing' in answer) return { ...known, unknown: 'one more package tells: npm install webgpu' }
  return { ...known, unknown: `the package \`webgpu\` fails: ${answer.failure}` }
}

function ask(): Promise<FromAdapterProcess> {
  const child = fork(new URL('./adapterProcess.js', import.meta.url), {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    execArgv: [],
  })
  return new Promise((resolve) => {
    const end = (answer: FromAdapterProcess): void => {
      clearTimeout(timer)
      child.removeAllListeners()
      // Its driver may have threads that keep it alive.
      child.kill('SIGKILL')
      resolve(answer)
    }
    const timer = setTimeout(() => end({ failure: `no answer in ${PATIENCE_MS / 1000} s` }), PATIENCE_MS)
    child.once('message', (answer) => end(answer as FromAdapterProcess))
    child.once('error', (error) => end({ failure: messageOf(error) }))
    child.once('exit', (code, signal) => end({ failure: `its process ended with ${signal ?? `code ${code}`}` }))
  })
}
