import type { InferenceSession } from 'onnxruntime-node'
import { messageOf } from '../../../core/errors.js'

/**
 * Session options of the WebGPU provider. From `basic` on, a run fails if the device refused a buffer, for its size or for want of memory. Otherwise the
 * runtime would log that and give zeros.
 */
export const WEBGPU: InferenceSession.SessionOptions = {
  executionProviders: [{ name: 'webgpu', validationMode: 'basic' }],
  graphOptimizationLevel: 'all',
  // Callers get failures as errors, so the runtime does not print them.
  logSeverityLevel: 4,
}

const HOW_TO = 'on Linux it needs the vendor’s driver and the Vulkan loader (Debian: libvulkan1)'

/** Explains in one line why the runtime cannot use a GPU. */
export function gpuProblem(error: unknown): string {
  const message = messageOf(error)
  if (isGpuAbsent(error)) return `Expected a GPU that WebGPU can use, found none; ${HOW_TO}`
  const [, bytes, most] = TOO_LARGE.exec(message) ?? []
  if (bytes && most)
    return `The GPU takes buffers of at most ${most} bytes, and this run needs one of ${bytes} bytes; use a lower concurrency`
  if (NO_MEMORY.test(message)) return 'The GPU has too little memory for this model and its cache; use a lower concurrency'
  return message.split('\n')[0]!
}

/** Whether WebGPU finds no GPU at all. */
export const isGpuAbsent = (error: unknown): boolean =>
  /No supported adapters|Failed to get a WebGPU adapter/.test(messageOf(error))

const TOO_LARGE = /Buffer size \((\d+)\) exceeds the max buffer size limit \((\d+)\)/
/** A buffer that the device did not give is invalid in all that uses it. */
const NO_MEMORY = /out of memory|OutOfMemory|OUT_OF_DEVICE_MEMORY|\[Invalid Buffer/i
const LOST = /device (is|was) lost|DeviceLost|device lost|DEVICE_LOST/i

/** Whether the models on the GPU cannot go on: the driver restarted, the card is gone, or a cache did not get its memory. */
export const isGpuLost = (error: unknown): boolean =>
  [LOST, TOO_LARGE, NO_MEMORY].some((pattern) => pattern.test(messageOf(error)))
