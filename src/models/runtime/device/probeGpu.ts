import { readdir } from 'node:fs/promises'
import { env, InferenceSession, Tensor } from 'onnxruntime-node'
import { messageOf } from '../../../core/errors.js'
import { type GraphBuilder, graphBuilder } from '../../graph/builder.js'
import { disableTelemetry } from '../telemetry.js'
import { WEBGPU } from './gpu.js'

/** Whether a GPU is usable. `float16`: it has 16-bit numbers (`shader-f16`). `software`: it is a renderer on the CPU. */
export type FoundGpu =
  | Readonly<{ usable: true; float16: boolean; software: boolean }>
  | Readonly<{ usable: false; problem: string }>

const HOW_TO = 'on Linux it needs the vendor’s driver and the Vulkan loader (Debian: libvulkan1)'

/** Explains in one line why the runtime cannot use a GPU. */
export function gpuProblem(error: unknown): string {
  const message = messageOf(error)
  if (/No supported adapters|Failed to get a WebGPU adapter/.test(message))
    return `Expected a GPU that WebGPU can use, found none; ${HOW_TO}`
  const [, bytes, most] = TOO_LARGE.exec(message) ?? []
  if (bytes && most)
    return `The GPU takes buffers of at most ${most} bytes, and this run needs one of ${bytes} bytes; use a lower concurrency`
  if (NO_MEMORY.test(message)) return 'The GPU has too little memory for this model and its cache; use a lower concurrency'
  return message.split('\n')[0]!
}

const TOO_LARGE = /Buffer size \((\d+)\) exceeds the max buffer size limit \((\d+)\)/
/** A buffer that the device did not give is invalid in all that uses it. */
const NO_MEMORY = /out of memory|OutOfMemory|OUT_OF_DEVICE_MEMORY|\[Invalid Buffer/i
const LOST = /device (is|was) lost|DeviceLost|device lost|DEVICE_LOST/i

/** Whether the models on the GPU cannot go on: the driver restarted, the card is gone, or a cache did not get its memory. */
export const isGpuLost = (error: unknown): boolean =>
  [LOST, TOO_LARGE, NO_MEMORY].some((pattern) => pattern.test(messageOf(error)))

/** Runs a small graph on the GPU, and one with 16-bit numbers. */
export async function probeGpu(): Promise<FoundGpu> {
  disableTelemetry()
  // Runs give the device's errors as errors, so the runtime does not print them as well.
  env.logLevel = 'fatal'
  try {
    await runProbe((graph, input) => graph.node('Abs', [input]))
  } catch (error) {
    return { usable: false, problem: gpuProblem(error) }
  }
  const halves = (graph: GraphBuilder, input: string) => cast(graph, graph.node('Abs', [cast(graph, input, HALF)]), FLOAT)
  const float16 = await runProbe(halves).then(
    () => true,
    () => false,
  )
  return { usable: true, float16, software: !float16 || !(await hasCard()) }
}

/**
 * Whether the machine has a graphics card. Linux shows one as a device file. Elsewhere WebGPU takes a card before a renderer, and those that we know have
 * no 16-bit numbers. Mesa's renderer (lavapipe) on Linux has them.
 */
async function hasCard(): Promise<boolean> {
  if (process.platform !== 'linux') return true
  const names = async (folder: string) => readdir(folder).catch((): string[] => [])
  return [...(await names('/dev/dri')), ...(await names('/dev'))].some((name) => /^(renderD\d+|nvidia\d+|dxg)$/.test(name))
}

const FLOAT = 1
const HALF = 10

const cast = (graph: GraphBuilder, value: string, to: number) => graph.node('Cast', [value], { attributes: { to: { int: to } } })

async function runProbe(write: (graph: GraphBuilder, input: string) => string): Promise<void> {
  const graph = graphBuilder('probe', 'webgpu')
  graph.output('output', write(graph, graph.input('input', 'float', [1])), 'float', [1])
  const session = await InferenceSession.create(graph.model(), WEBGPU)
  try {
    await session.run({ input: new Tensor('float32', Float32Array.of(1), [1]) })
  } finally {
    await session.release()
  }
}
