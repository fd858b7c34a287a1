import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { softwareDriver, WITHOUT_GPU } from '../softwareGpu.js'
import { SLOW } from './tracedRows.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** In a process of its own, because the driver counts when the first GPU is opened. */
async function rxargs(args: readonly string[], driver: string, env: NodeJS.ProcessEnv = {}, input = '') {
  const child = promisify(execFile)(process.execPath, [`${root}dist/src/cli/main.js`, ...args], {
    env: { ...process.env, VK_DRIVER_FILES: driver, XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? '/tmp', ...env },
  })
  child.child.stdin!.end(input)
  return child
}

type Devices = Readonly<{
  adapters: readonly Record<string, unknown>[] | null
  adapters_unknown?: string
  webgpu: Record<string, unknown>
  auto: Record<string, unknown>
}>
const devices = async (driver: string, env?: NodeJS.ProcessEnv): Promise<Devices> =>
  JSON.parse((await rxargs(['inspect', '--devices', '--json'], driver, env)).stdout)

/** Lets `import 'webgpu'` give another module, in all processes. */
const instead = (resolved: string): NodeJS.ProcessEnv => {
  const hook = `export const resolve = (name, context, next) => { if (name !== 'webgpu') return next(name, context); ${resolved} }`
  const url = `data:text/javascript,${encodeURIComponent(hook)}`
  const register = `import { register } from 'node:module'; register(${JSON.stringify(url)})`
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(register)}` }
}
const missing = instead(`throw Object.assign(new Error('none'), { code: 'ERR_MODULE_NOT_FOUND' })`)
const crashing = instead(`return { url: 'data:text/javascript,process.abort()', shortCircuit: true }`)

const half = process.env.RXARGS_FLOAT16_DRIVER
const WITHOUT_HALF = WITHOUT_GPU ?? (half && existsSync(half) ? undefined : 'RXARGS_FLOAT16_DRIVER names no Vulkan driver')

describe.skipIf(WITHOUT_GPU !== undefined)(`a renderer in software${WITHOUT_GPU ? ` (${WITHOUT_GPU})` : ''}`, () => {
  it(
    'is listed with its name, memory and limits, and not taken by auto',
    async () => {
      const { adapters, webgpu, auto } = await devices(softwareDriver)
      expect(adapters).toEqual([
        expect.objectContaining({
          ...{ name: expect.stringMatching(/^SwiftShader/), backend: 'vulkan', software: true, float16: false },
          ...{ memory_shared: true, memory_bytes: expect.any(Number), max_buffer_bytes: 2 ** 30 },
        }),
      ])
      const { name } = adapters![0]!
      expect(webgpu).toEqual({ usable: true, float16: false, adapter: name, dtypes: ['fp32', 'q8', 'q4'] })
      expect(auto).toEqual({ device: 'cpu', reason: `Runs on the CPU: the only GPU is ${name}, a renderer in software` })
    },
    SLOW,
  )

  it(
    'is what the dry run of auto leaves, which then counts fp16 as fp32',
    async () => {
      const dry = ['generate', '-', '--dry-run', '--dtype', 'fp16', '--device']
      const { stdout } = await rxargs([...dry, 'auto'], softwareDriver)
      expect(stdout).toMatch(/^device +Runs on the CPU: the only GPU is SwiftShader/m)
      expect(stdout).toMatch(/^weights +\S+ MB in fp32$/m)
      const forced = await rxargs([...dry, 'webgpu'], softwareDriver)
      expect(forced.stdout).toMatch(/^device +webgpu, which cannot be used on this machine: .* no 16-bit numbers/m)
      expect(forced.stdout).toMatch(/^weights +\S+ MB in fp16$/m)
    },
    SLOW,
  )

  it(
    'is used without a list where the package is missing, and auto says how to get it',
    async () => {
      const { adapters, adapters_unknown, webgpu, auto } = await devices(softwareDriver, missing)
      expect([adapters, adapters_unknown]).toEqual([null, 'one more package tells: npm install webgpu'])
      expect(webgpu).toMatchObject({ usable: true })
      expect(auto).toEqual({
        device: 'cpu',
        reason:
          'Runs on the CPU: whether the GPU is a card or a renderer in software is not known; one more package tells: npm install webgpu',
      })
    },
    SLOW,
  )

  it(
    'is used without a list where listing crashes',
    async () => {
      const { adapters, adapters_unknown, webgpu } = await devices(softwareDriver, crashing)
      expect([adapters, adapters_unknown]).toEqual([null, 'the package `webgpu` fails: its process ended with SIGABRT'])
      expect(webgpu).toMatchObject({ usable: true })
    },
    SLOW,
  )
})

describe.skipIf(WITHOUT_GPU !== undefined)('a driver that is not there', () => {
  it(
    'is named in the refusal of webgpu, and auto decodes on the CPU',
    async () => {
      const args = ['generate', '-', '--max-new-tokens', '2', '--no-cache', '--device']
      const input = '{"prompt": "Hello"}\n'
      const none = '/no/such/driver.json'
      const refused = await rxargs([...args, 'webgpu'], none, {}, input).catch((error: { code: number; stderr: string }) => error)
      expect(refused).toMatchObject({ code: 2 })
      expect(refused.stderr).toContain(
        `Expected a GPU for \`device\` webgpu, but \`VK_DRIVER_FILES=${none}\` names no Vulkan driver that is there`,
      )
      const { stdout, stderr } = await rxargs([...args, 'auto'], none, {}, input)
      expect(stderr).toContain('names no Vulkan driver that is there')
      expect(JSON.parse(stdout)).toMatchObject({ prompt: 'Hello' })
    },
    SLOW,
  )
})

describe.skipIf(WITHOUT_HALF !== undefined)(`a renderer with 16-bit numbers${WITHOUT_HALF ? ` (${WITHOUT_HALF})` : ''}`, () => {
  it(
    'is told from a card by its type',
    async () => {
      const { adapters, auto } = await devices(half!)
      expect(adapters).toEqual([
        expect.objectContaining({ name: expect.stringMatching(/^llvmpipe/), software: true, float16: true }),
      ])
      expect(auto).toMatchObject({ device: 'cpu' })
    },
    SLOW,
  )

  it(
    'comes after or before another renderer, and the runtime takes the first of the list',
    async () => {
      const { adapters, webgpu } = await devices(`${half}:${softwareDriver}`)
      expect(adapters).toHaveLength(2)
      const [first] = adapters!
      expect(webgpu).toMatchObject({ adapter: first!.name, float16: first!.float16 })
    },
    SLOW,
  )
})
