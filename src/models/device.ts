import { OptionError } from '../core/errors.js'
import { type DeviceDecision, decideDevice, decideGpu, type GpuFacts, type GpuNeeds } from './adapters/decideDevice.js'
import { listAdapters } from './adapters/listAdapters.js'
import { namedDrivers, vulkanDrivers } from './adapters/vulkanDrivers.js'
import type { Device } from './graph/builder.js'
import { isQuantized, type WeightDtype } from './graph/quantize.js'
import { withLock } from './runtime/device/lock.js'
import { probeGpu } from './runtime/device/probeGpu.js'

/** Devices to choose from: the CPU, a GPU through WebGPU, or (`auto`) a GPU if it is a real one and large enough. */
export const deviceChoices = ['cpu', 'webgpu', 'auto'] as const
export type DeviceChoice = (typeof deviceChoices)[number]

/** Lock of the GPU among the threads of this process. There is one for all models, because a process has one GPU device. */
export const gpuLock = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)

/** What decides a model's numbers besides its files. On a CPU, fp16 is computed as fp32. */
export const decisiveOf = (dtype: WeightDtype, device: Device): Readonly<{ dtype?: WeightDtype; device?: Device }> => ({
  ...((isQuantized(dtype) || (dtype === 'fp16' && device !== 'cpu')) && { dtype }),
  ...(device !== 'cpu' && { device }),
})

/** Finds out what can be known of this machine's GPUs. The runtime is not asked about a renderer in software unless `software`. */
export async function findGpus(software: boolean, needs?: () => Promise<GpuNeeds | undefined>): Promise<GpuFacts> {
  const list = await listAdapters()
  const [first] = list.adapters ?? []
  const named = namedDrivers()
  const drivers = process.platform === 'linux' ? { drivers: await vulkanDrivers(), ...(named !== undefined && { named }) } : {}
  if (!software && (list.adapters?.length === 0 || first?.details?.software)) return { ...list, ...drivers }
  const needed = await needs?.()
  const runtime = await withLock(new Int32Array(gpuLock), probeGpu)
  return { ...list, ...drivers, runtime, ...(needed && { needs: needed }) }
}

/** How models run. */
export type ChosenDevice = Omit<DeviceDecision, 'why'>

const CPU = { device: 'cpu', warmUp: false } as const

/** Decides about a choice other than the CPU. `needs`: what the models need of a GPU. */
export async function decide(
  choice: Exclude<DeviceChoice, 'cpu'>,
  dtype: WeightDtype,
  needs?: () => Promise<GpuNeeds | undefined>,
): Promise<DeviceDecision | Readonly<{ problem: string }>> {
  const facts = await findGpus(choice === 'webgpu', needs)
  return choice === 'auto' ? decideDevice(dtype, facts) : decideGpu(dtype, facts)
}

/**
 * Resolves the choice of a device. `auto` is a GPU if there is a real one that is large enough. `onNotice` explains the choice.
 *
 * @throws OptionError if `webgpu` is unavailable, too small, or does not support the weights
 */
export async function chooseDevice(
  choice: DeviceChoice,
  dtype: WeightDtype,
  { needs, onNotice }: Readonly<{ needs?: () => Promise<GpuNeeds | undefined>; onNotice?: (notice: string) => void }> = {},
): Promise<ChosenDevice> {
  if (choice === 'cpu') return CPU
  const decision = await decide(choice, dtype, needs)
  if ('problem' in decision) throw new OptionError(`Expected a GPU for \`device\` webgpu, but ${decision.problem}`)
  const { why, ...chosen } = decision
  onNotice?.(why)
  return chosen
}
