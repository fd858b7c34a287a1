import { OptionError } from '../core/errors.js'
import type { Device } from './graph/builder.js'
import { isQuantized, type WeightDtype } from './graph/quantize.js'
import { withLock } from './runtime/device/lock.js'
import { type FoundGpu, probeGpu } from './runtime/device/probeGpu.js'

/** Devices to choose from: the CPU, a GPU through WebGPU, or (`auto`) a GPU if there is one. */
export const deviceChoices = ['cpu', 'webgpu', 'auto'] as const
export type DeviceChoice = (typeof deviceChoices)[number]

/** Lock of the GPU among the threads of this process. There is one for all models, because a process has one GPU device. */
export const gpuLock = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)

/** Whether models can run on a GPU of this machine. */
export const findGpu = (): Promise<FoundGpu> => withLock(new Int32Array(gpuLock), probeGpu)

/** What decides a model's numbers besides its files. On a CPU, fp16 is computed as fp32. */
export const decisiveOf = (dtype: WeightDtype, device: Device): Readonly<{ dtype?: WeightDtype; device?: Device }> => ({
  ...((isQuantized(dtype) || (dtype === 'fp16' && device !== 'cpu')) && { dtype }),
  ...(device !== 'cpu' && { device }),
})

/** `warmUp`: whether to compile all shaders first. A software renderer would take minutes. */
export type ChosenDevice = Readonly<{ device: Device; warmUp: boolean }>

/**
 * Resolves the choice of a device. `auto` is a GPU if there is a real one, and `onNotice` explains the choice.
 *
 * @throws OptionError if `webgpu` is unavailable, or does not support the weights
 */
export async function chooseDevice(
  choice: DeviceChoice,
  dtype: WeightDtype,
  onNotice: (notice: string) => void = () => undefined,
): Promise<ChosenDevice> {
  const cpu = { device: 'cpu', warmUp: false } as const
  if (choice === 'cpu') return cpu
  const gpu = await findGpu()
  if (choice === 'webgpu') {
    if (!gpu.usable) throw new OptionError(gpu.problem)
    if (dtype === 'fp16' && !gpu.float16)
      throw new OptionError('Expected a GPU with 16-bit numbers (`shader-f16`) for `dtype` fp16; this one takes fp32, q8 and q4')
    return { device: 'webgpu', warmUp: !gpu.software }
  }
  const take = gpu.usable && !gpu.software
  const why = gpu.usable ? 'the only GPU is a renderer in software' : gpu.problem
  onNotice(take ? 'Runs on the GPU' : `Runs on the CPU: ${why}`)
  return take ? { device: 'webgpu', warmUp: true } : cpu
}
