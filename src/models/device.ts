import { OptionError } from '../core/errors.js'
import type { Device } from './graph/builder.js'
import type { WeightDtype } from './graph/quantize.js'
import { withLock } from './runtime/device/lock.js'
import { type FoundGpu, probeGpu } from './runtime/device/probeGpu.js'

/** What models run on: the CPU, a GPU through WebGPU, or a GPU where there is one. */
export const deviceChoices = ['cpu', 'webgpu', 'auto'] as const
export type DeviceChoice = (typeof deviceChoices)[number]

/** Keeps the threads of this process from using the GPU at once. One for the process, as its GPU device is: of every model that is ever loaded. */
export const gpuLock = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)

/** Whether this machine has a GPU that models can run on. */
export const findGpu = (): Promise<FoundGpu> => withLock(new Int32Array(gpuLock), probeGpu)

/** `warmUp`: whether it is worth compiling all shaders first, which a renderer in software takes minutes for. */
export type ChosenDevice = Readonly<{ device: Device; warmUp: boolean }>

/**
 * The device that was asked for; of `auto` a GPU where there is a real one, and why.
 *
 * @throws OptionError where `webgpu` cannot be had, or not with such weights
 */
export async function chosenDevice(
  choice: DeviceChoice,
  dtype: WeightDtype,
  onNotice: (notice: string) => void = () => undefined,
): Promise<ChosenDevice> {
  const cpu = { device: 'cpu', warmUp: false } as const
  if (choice === 'cpu') return cpu
  if (dtype === 'fp16') {
    if (choice === 'webgpu') throw new OptionError('Expected `dtype` fp32, q8 or q4 with `device` webgpu, got fp16')
    onNotice('Runs on the CPU: weights in fp16 are not supported on a GPU')
    return cpu
  }
  const gpu = await findGpu()
  if (choice === 'webgpu') {
    if (!gpu.usable) throw new OptionError(gpu.problem)
    return { device: 'webgpu', warmUp: gpu.float16 }
  }
  const take = gpu.usable && gpu.float16
  const why = gpu.usable ? 'the only GPU is a renderer in software' : gpu.problem
  onNotice(take ? 'Runs on the GPU' : `Runs on the CPU: ${why}`)
  return take ? { device: 'webgpu', warmUp: true } : cpu
}
