import { spawnSync } from 'node:child_process'
import { readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { SLOW } from '../../gpu/tracedRows.js'
import { softwareDriver, WITHOUT_GPU } from '../../softwareGpu.js'
import { tempFolder } from '../../tempFolder.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))

type Results = Readonly<{
  dispatches: readonly Readonly<{ dispatches: number; run_us: number; run_cpu_us: number }>[] | null
  rxargs: readonly Readonly<{ tokens_per_second: number }>[]
  pytorch: readonly unknown[]
  unfinished: readonly Readonly<{ setting: string; why: string }>[]
}>

describe.skipIf(WITHOUT_GPU !== undefined)(`data/bench/gpu.mjs${WITHOUT_GPU ? ` (${WITHOUT_GPU})` : ''}`, () => {
  let folder: string
  tempFolder((path) => {
    folder = path
  })

  /** Runs it in a folder like that of gpu.run.sh, without Python. */
  async function measured(env: NodeJS.ProcessEnv): Promise<Results & Readonly<{ stderr: string }>> {
    for (const name of ['dist', 'node_modules', 'data', 'test']) await symlink(join(root, name), join(folder, name))
    const { status, stderr } = spawnSync(process.execPath, [join(root, 'data/bench/gpu.mjs'), '--small'], {
      ...{ cwd: folder, encoding: 'utf8' },
      env: {
        ...{ PATH: process.env.PATH, XDG_RUNTIME_DIR: '/tmp', XDG_CACHE_HOME: join(folder, 'cache') },
        ...{ VK_DRIVER_FILES: softwareDriver, PYTHON: 'no-python-here', OUT: folder, ...env },
      },
    })
    expect(status, stderr).toBe(0)
    return { stderr, ...(JSON.parse(await readFile(join(folder, 'gpu.json'), 'utf8')) as Results) }
  }
  const reasons = ({ unfinished }: Results) => Object.fromEntries(unfinished.map(({ setting, why }) => [setting, why]))

  it(
    'measures settings, and names each that it could not measure with the reason',
    async () => {
      const results = await measured({ ONLY: 'devices|dispatch|the pair|paper fp32|pair (q4|fp16), args, 1 at' })
      expect(results.rxargs).toEqual([
        expect.objectContaining({ pair: 'pair', dtype: 'q4', decoder: 'args', concurrency: 1, prompts: 2 }),
      ])
      expect(results.rxargs[0]!.tokens_per_second).toBeGreaterThan(0)
      expect(results.pytorch).toEqual([])
      const { dispatches } = results
      expect(dispatches!.map((chain) => chain.dispatches)).toEqual([1, 16, 64, 256])
      for (const { run_us } of dispatches!) expect(run_us).toBeGreaterThan(0)
      expect(reasons(results)).toMatchObject({
        'PyTorch, paper fp32, args, 1 at once': expect.stringContaining('no-python-here'),
        'rxargs, pair fp16, args, 1 at once': expect.stringContaining('no 16-bit numbers'),
        'rxargs, large q4, args, 1 at once': 'left out',
      })
      expect(results.stderr).toContain('1 at once: no ratio (paper); the goal is 4')
    },
    SLOW,
  )

  it('names all settings where there is no time', async () => {
    const results = await measured({ SECONDS_AT_MOST: '1' })
    expect([results.rxargs, results.pytorch]).toEqual([[], []])
    expect(new Set(Object.values(reasons(results)))).toEqual(new Set(['no time left']))
    expect(Object.keys(reasons(results)).length).toBeGreaterThan(20)
  })
})
