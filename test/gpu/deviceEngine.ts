import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readConfig } from '../../src/models/checkpoint/families/config.js'
import { readJson } from '../../src/models/checkpoint/readJson.js'
import { readSafetensors } from '../../src/models/checkpoint/weights/safetensors.js'
import { type BuiltGraph, buildGraph } from '../../src/models/graph/buildGraph.js'
import type { WeightDtype } from '../../src/models/graph/quantize.js'
import type { ModelCall } from '../../src/models/runtime/call.js'
import { Engine } from '../../src/models/runtime/decoder/Engine.js'
import { deviceMemory } from '../../src/models/runtime/device/deviceMemory.js'
import { openGpu } from '../../src/models/runtime/device/gpu.js'
import { createSession } from '../../src/models/runtime/thread/createSession.js'
import { arrayGpu, onArrays } from '../arrayGpu.js'

export type DeviceEngine = Readonly<{ engine: Engine; graph: BuiltGraph; vocabSize: number; close(): Promise<void> }>

/**
 * Opens the engine of a model with the graph for a GPU, in this thread: on the GPU, or (`arrays`) the same graph on the CPU provider, with buffers that
 * are arrays. `largest`: most bytes of a weight.
 */
export async function deviceEngine(
  folder: string,
  { dtype = 'fp32', largest, arrays = false }: Readonly<{ dtype?: WeightDtype; largest?: number; arrays?: boolean }> = {},
): Promise<DeviceEngine> {
  const file = join(folder, 'config.json')
  const config = readConfig(await readJson(file), file)
  const graph = buildGraph(config, await readSafetensors(folder), dtype, 'webgpu', largest)
  const model = { ...graph, contextLength: config.contextLength, vocabSize: config.vocabSize }
  const gpuLock = new SharedArrayBuffer(4)
  const setup = { graph: graph.model, folder: graph.weightsFolder, inMemory: graph.inMemory, threads: 1 }
  const session = await createSession({ ...setup, ...(!arrays && { gpuLock }) }, () => undefined)
  const gpu = arrays ? arrayGpu : await openGpu()
  const memory = deviceMemory(arrays ? onArrays(session) : session, model, gpu, new Int32Array(gpuLock))
  return {
    engine: new Engine(memory, model),
    graph,
    vocabSize: config.vocabSize,
    close: () => memory.close().then(() => session.release()),
  }
}

export const call = (key: number, tokenIds: readonly number[], more: Partial<ModelCall> = {}): ModelCall => ({
  ...{ key, branches: [[]], decode: false },
  tokenIds: Int32Array.from(tokenIds),
  ...more,
})

export const goldenFolder = (name: string): string => fileURLToPath(new URL(`../../data/golden/${name}/`, import.meta.url))
