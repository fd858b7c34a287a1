import type { AdapterDetails, GpuAdapter } from './adapter.js'

/**
 * What this process sends, once. `loader`: whether the system has a Vulkan loader (Linux only). `missing`: the package is not installed. It is a process
 * of its own, because a broken driver can crash it, and because the runtime brings a Dawn of its own. The parent ends it.
 */
export type FromAdapterProcess = Readonly<{ loader?: boolean }> &
  (Readonly<{ adapters: readonly GpuAdapter[] }> | Readonly<{ missing: true }> | Readonly<{ failure: string }>)

type Create = (options: string[]) => GPU

/** As the runtime asks. */
const REQUEST: GPURequestAdapterOptions = { powerPreference: 'high-performance' }

/** Dawn tells the names of adapters in the error about a name that none has. */
const NO_NAME = 'none of these'
const LISTED = /^ \* backend: '([^']*)', name: '(.*)'$/gm

async function listed(create: Create): Promise<GpuAdapter[]> {
  try {
    await create([`adapter=${NO_NAME}`]).requestAdapter(REQUEST)
    return []
  } catch (error) {
    return [...String(error).matchAll(LISTED)].map(([, backend = '', name = '']) => ({ backend, name }))
  }
}

async function detailsOf(create: Create, name?: string): Promise<(AdapterDetails & Readonly<{ device: string }>) | undefined> {
  const adapter = await create(name === undefined ? [] : [`adapter=${name}`]).requestAdapter(REQUEST)
  if (!adapter) return undefined
  const { info, features, limits } = adapter
  return {
    device: info.device,
    vendor: info.vendor,
    driver: info.description,
    software: info.isFallbackAdapter,
    float16: features.has('shader-f16'),
    subgroups: features.has('subgroups'),
    maxBuffer: limits.maxBufferSize,
    maxBinding: limits.maxStorageBufferBindingSize,
  }
}

/** Names as `info.device` has them. */
const identifier = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-/, '')

/** Lists adapters, the one that the runtime takes first. */
async function adaptersOf(create: Create): Promise<GpuAdapter[]> {
  const adapters: GpuAdapter[] = []
  for (const [index, adapter] of (await listed(create)).entries()) {
    const found = await detailsOf(create, index === 0 ? undefined : adapter.name)
    const { device, ...details } = found ?? {}
    // Dawn takes the first adapter whose name contains the given one. The first adapter is asked for without a name.
    const same = found !== undefined && (index === 0 || device === identifier(adapter.name))
    adapters.push({ ...adapter, ...(same && { details: details as AdapterDetails }) })
  }
  return adapters
}

/** Whether the system finds the Vulkan loader. A library that is no addon is loaded, then refused with another message. */
function hasLoader(): boolean {
  try {
    process.dlopen({ exports: {} }, 'libvulkan.so.1')
    return true
  } catch (error) {
    return !String(error).includes('cannot open shared object')
  }
}

async function answer(): Promise<FromAdapterProcess> {
  const loader = process.platform === 'linux' ? { loader: hasLoader() } : {}
  try {
    const { create } = await import('webgpu')
    return { ...loader, adapters: await adaptersOf(create) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return { ...loader, missing: true }
    return { ...loader, failure: String((error as Error).message ?? error).split('\n')[0]! }
  }
}

process.send?.(await answer())
