import { spawnSync } from 'node:child_process'
import { readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { softwareDriver, WITHOUT_GPU } from '../../softwareGpu.js'
import { tempFolder } from '../../tempFolder.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))

type Results = Readonly<{
  rxargs: readonly Readonly<{ pair: string; dtype: string; decoder: string; concurrency: number; tokens_per_second: number }>[]
  pytorch: readonly unknown[]
  unfinished: readonly Readonly<{ setting: string; why: string }>[]
  goals: readonly Readonly<{ prompts: number; ratio: number | null }>[]
}>

describe.skipIf(WITHOUT_GPU !== undefined)(`data/bench/gpu.mjs${WITHOUT_GPU ? ` (${WITHOUT_GPU})` : ''}`, () => {
  let folder: string
  tempFolder((path) => {
    folder = path
  })

  it('measures the first settings in the time that it has, and names each of the others with the reason', async () => {
    for (const name of ['dist', 'node_modules', 'data', 'test']) await symlink(join(root, name), join(folder, name))
    const { status, stderr } = spawnSync(process.execPath, [join(root, 'data/bench/gpu.mjs'), '--small'], {
      ...{ cwd: folder, encoding: 'utf8' },
      env: {
        ...{ PATH: process.env.PATH, XDG_RUNTIME_DIR: '/tmp', XDG_CACHE_HOME: join(folder, 'cache') },
        ...{ VK_DRIVER_FILES: softwareDriver, PYTHON: 'no-python-here', SECONDS_AT_MOST: '60', OUT: folder },
      },
    })
    expect([status, stderr]).toEqual([0, expect.stringContaining('1 at once: no ratio (paper); the goal is 4')])
    const { rxargs, pytorch, unfinished, goals } = JSON.parse(await readFile(join(folder, 'gpu.json'), 'utf8')) as Results
    expect(rxargs[0]).toMatchObject({ pair: 'pair', dtype: 'q4', decoder: 'args', concurrency: 1 })
    expect(rxargs[0]!.tokens_per_second).toBeGreaterThan(0)
    expect(pytorch).toEqual([])
    expect(goals.map(({ prompts, ratio }) => [prompts, ratio])).toEqual([
      [1, null],
      [2, null],
      [4, null],
    ])
    const why = Object.fromEntries(unfinished.map((one) => [one.setting, one.why]))
    expect(why['PyTorch, paper fp32, args, 1 at once']).toContain('no-python-here')
    expect(why['PyTorch, batched fp16 compiled, args, 4 at once']).toBe('no time left')
    const measured = rxargs.map(
      ({ pair, dtype, decoder, concurrency }) => `rxargs, ${pair} ${dtype}, ${decoder}, ${concurrency} at once`,
    )
    for (const dtype of ['q4', 'fp16', 'q8', 'fp32'])
      for (const count of [1, 2, 4]) {
        const name = `rxargs, pair ${dtype}, args, ${count} at once`
        expect(measured.includes(name)).toBe(!(name in why))
      }
  })
})
