import type { Device } from '../graph/builder.js'
import type { WeightDtype } from '../graph/quantize.js'
import { GPU_TENSOR_BYTES } from '../graph/weights.js'
import type { FoundGpu } from '../runtime/device/probeGpu.js'
import { type GpuAdapter, gib } from './adapter.js'
import type { AdapterList } from './listAdapters.js'

/** What models need of a GPU: `bytes` at least, or `onlyCpu`: one of them has no graph for a GPU. */
export type GpuNeeds = Readonly<{ bytes: number }> | Readonly<{ onlyCpu: string }>

/**
 * What is known of this machine's GPUs. `runtime` is absent if the runtime was not asked. `drivers` are the manifests of Vulkan drivers (Linux only),
 * and `named` is the variable of the environment that names them instead of the system's folders.
 */
export type GpuFacts = AdapterList &
  Readonly<{ runtime?: FoundGpu; drivers?: readonly string[]; named?: string; needs?: GpuNeeds }>

/**
 * `warmUp`: whether to compile all shaders first. A renderer in software would take minutes. `largest`: most bytes of a tensor, if more are known to fit
 * than on every GPU. `why` is a line about the choice.
 */
export type DeviceDecision = Readonly<{ device: Device; warmUp: boolean; largest?: number; why: string }>

/**
 * Decides about `auto` by what is known: a GPU that is a card and not a renderer in software, that can compute `dtype` and has the memory; otherwise the CPU.
 */
export function decideDevice(dtype: WeightDtype, facts: GpuFacts, platform: NodeJS.Platform = process.platform): DeviceDecision {
  const reason = noCard(facts, platform) ?? noUse(dtype, facts)
  if (reason !== undefined) return { device: 'cpu', warmUp: false, why: `Runs on the CPU: ${reason}` }
  return { device: 'webgpu', warmUp: true, ...largestOf(facts.adapters?.[0]), why: onGpu(facts.adapters?.[0]) }
}

/** Decides about `webgpu`: a line about its use, or why it cannot be used. */
export function decideGpu(dtype: WeightDtype, facts: GpuFacts): DeviceDecision | Readonly<{ problem: string }> {
  const reason = noUse(dtype, facts)
  if (reason !== undefined) return { problem: reason }
  const [adapter] = facts.adapters ?? []
  const software = adapter?.details ? adapter.details.software : facts.runtime?.usable === true && !facts.runtime.likelyCard
  return { device: 'webgpu', warmUp: !software, ...largestOf(adapter), why: onGpu(adapter) }
}

/**
 * A whole matrix takes fewer steps than its parts. This size was tried, 1,020 MiB. SwiftShader has no memory for a buffer of 1,024 MiB, which its limits
 * allow.
 */
const MOST_TRIED = 255 * 2 ** 22

/** The runtime takes an adapter's own limits. It binds a larger tensor in pieces, of which a shader has few. */
function largestOf(adapter: GpuAdapter | undefined): Readonly<{ largest?: number }> {
  if (!adapter?.details) return {}
  const { maxBuffer, maxBinding } = adapter.details
  return { largest: Math.max(GPU_TENSOR_BYTES, Math.min(maxBuffer, 2 * maxBinding, MOST_TRIED)) }
}

function onGpu(adapter: GpuAdapter | undefined): string {
  if (!adapter) return 'Runs on the GPU'
  const { name, memory, details } = adapter
  if (details?.software) return `Runs on ${name}, a renderer in software that is slower than the CPU`
  return `Runs on the GPU: ${name}${memory ? `, ${gib(memory.bytes)}` : ''}`
}

/** Why the GPU is no card, or is not known to be one. */
function noCard({ runtime, ...list }: GpuFacts, platform: NodeJS.Platform): string | undefined {
  const [first, ...others] = list.adapters ?? []
  if (first?.details?.software)
    return others.length === 0
      ? `the only GPU is ${first.name}, a renderer in software`
      : `the GPUs are renderers in software: ${[first, ...others].map(({ name }) => name).join(', ')}`
  // Metal has no renderers in software.
  if (list.adapters || platform === 'darwin' || runtime?.usable === false) return undefined
  return `whether the GPU is a card or a renderer in software is not known; ${list.unknown}`
}

/** Why the GPU cannot be used for these models. */
function noUse(dtype: WeightDtype, { runtime, needs, adapters, ...rest }: GpuFacts): string | undefined {
  const [first] = adapters ?? []
  const none = runtime ? !runtime.usable && runtime.none : adapters?.length === 0
  if (none) return withoutGpu(first, rest)
  if (runtime?.usable === false) return `the runtime cannot use ${first?.name ?? 'it'}: ${runtime.problem}`
  if (needs && 'onlyCpu' in needs) return `${needs.onlyCpu}, which runs on the CPU only`
  if (dtype === 'fp16' && runtime?.usable && !runtime.float16)
    return `${first?.name ?? 'it'} has no 16-bit numbers (\`shader-f16\`) for \`dtype\` fp16; it takes fp32, q8 and q4`
  return first && needs && tooSmall(first, needs.bytes)
}

function tooSmall({ name, memory }: GpuAdapter, needed: number): string | undefined {
  if (!memory) return undefined
  const { bytes, free = bytes } = memory
  if (needed <= free) return undefined
  const has = needed <= bytes ? `${gib(free)} of its ${gib(bytes)} of memory free` : `${gib(bytes)} of memory`
  return `${name} has ${has}, and the models need at least ${gib(needed)}`
}

/** Why WebGPU finds no GPU. */
function withoutGpu(
  first: GpuAdapter | undefined,
  { loader, drivers, named }: Pick<GpuFacts, 'loader' | 'drivers' | 'named'>,
): string {
  if (loader === false) return 'the system has no Vulkan loader (libvulkan.so.1; Debian: libvulkan1)'
  if (first) return `the runtime cannot use ${first.name}`
  if (drivers === undefined) return 'WebGPU finds none'
  if (drivers.length === 0 && named !== undefined) return `\`${named}\` names no Vulkan driver that is there`
  if (drivers.length === 0)
    return 'the system has no Vulkan driver; install that of the GPU’s vendor (Debian, AMD and Intel: mesa-vulkan-drivers)'
  return `WebGPU can use none of the system’s Vulkan drivers: ${drivers.join(', ')}`
}
