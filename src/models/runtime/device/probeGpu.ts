import { InferenceSession, Tensor } from 'onnxruntime-node'
import { messageOf } from '../../../core/errors.js'
import { type GraphBuilder, graphBuilder } from '../../graph/builder.js'
import { disableTelemetry } from '../telemetry.js'
import { WEBGPU } from './gpu.js'

/** Whether a GPU is usable. `float16`: it has 16-bit numbers. Recent GPUs have them; software renderers do not. */
export type FoundGpu = Readonly<{ usable: true; float16: boolean }> | Readonly<{ usable: false; problem: string }>

const HOW_TO = 'on Linux it needs the vendor’s driver and the Vulkan loader (Debian: libvulkan1)'

/** Explains in one line why the runtime cannot use a GPU. */
export function gpuProblem(error: unknown): string {
  const message = messageOf(error)
  if (/No supported adapters|Failed to get a WebGPU adapter/.test(message))
    return `Expected a GPU that WebGPU can use, found none; ${HOW_TO}`
  if (isGpuFull(error)) return 'The GPU has too little memory for this model and its cache'
  return message.split('\n')[0]!
}

/** Whether an error means that the GPU has no memory left. */
export const isGpuFull = (error: unknown): boolean => /out of memory|OutOfMemory|OUT_OF_DEVICE_MEMORY/i.test(messageOf(error))

/** Whether an error means that the GPU is lost: the driver restarted, or the card is gone. */
export const isGpuLost = (error: unknown): boolean =>
  /device (is|was) lost|DeviceLost|device lost|DEVICE_LOST/i.test(messageOf(error))

/** Runs a small graph on the GPU, and one with 16-bit numbers. */
export async function probeGpu(): Promise<FoundGpu> {
  disableTelemetry()
  try {
    await runProbe((graph, input) => graph.node('Abs', [input]))
  } catch (error) {
    return { usable: false, problem: gpuProblem(error) }
  }
  const halves = (graph: GraphBuilder, input: string) => cast(graph, graph.node('Abs', [cast(graph, input, HALF)]), FLOAT)
  return {
    usable: true,
    float16: await runProbe(halves).then(
      () => true,
      () => false,
    ),
  }
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
