import { readdir } from 'node:fs/promises'
import { env, InferenceSession, Tensor } from 'onnxruntime-node'
import { graphBuilder, type Real } from '../../graph/builder.js'
import { computeInLowPrecision } from '../../graph/layers/lowPrecision.js'
import { disableTelemetry } from '../telemetry.js'
import { gpuProblem, isGpuAbsent, WEBGPU } from './webgpu.js'

/**
 * Whether the runtime can use a GPU. `float16`: it has 16-bit numbers (`shader-f16`). `likelyCard`: it may be more than a renderer in software; the runtime
 * does not tell which. `none`: there is none.
 */
export type FoundGpu =
  | Readonly<{ usable: true; float16: boolean; likelyCard: boolean }>
  | Readonly<{ usable: false; none: boolean; problem: string }>

/** Runs a small graph on the GPU, and one with 16-bit numbers. */
export async function probeGpu(): Promise<FoundGpu> {
  disableTelemetry()
  // Runs give the device's errors as errors, so the runtime does not print them as well.
  env.logLevel = 'fatal'
  try {
    await runProbe('float')
  } catch (error) {
    return { usable: false, none: isGpuAbsent(error), problem: gpuProblem(error) }
  }
  const float16 = await runProbe('float16').then(
    () => true,
    () => false,
  )
  return { usable: true, float16, likelyCard: float16 && (await hasCard()) }
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

async function runProbe(type: Real): Promise<void> {
  const graph = graphBuilder('probe', 'webgpu', type)
  const input = graph.input('input', 'float', [1])
  const output = computeInLowPrecision(graph, input, 'probe', (inner, value) => inner.node('Abs', [value]))
  graph.output('output', output, 'float', [1])
  const session = await InferenceSession.create(graph.model(), WEBGPU)
  try {
    await session.run({ input: new Tensor('float32', Float32Array.of(1), [1]) })
  } finally {
    await session.release()
  }
}
