import { ModelError, OptionError } from '../core/errors.js'
import type { GpuNeeds } from './adapters/decideDevice.js'
import type { Expected } from './checkHead.js'
import { isEncoder } from './checkpoint/loadEncoderCheckpoint.js'
import { bytesInMemory } from './graph/bytesInMemory.js'
import type { WeightDtype } from './graph/quantize.js'
import { readCheckpoint } from './loadModel.js'
import { findOnnx } from './onnx/findOnnx.js'
import { cacheBytesPerToken } from './runtime/decoder/cacheShape.js'
import { mostPositions } from './runtime/device/DeviceSlab.js'

/** A model to load, and what it is for. */
export type GpuModel = Readonly<{ path: string }> & Pick<Expected, 'head' | 'role' | 'label'>

/** The models of a run that are folders or files: neither servers nor functions. */
export function localModels(
  lm: unknown,
  lms: Readonly<Record<string, string>>,
  rewards: readonly Readonly<{ name: string; path?: string; label?: string }>[],
): GpuModel[] {
  const languageModels = { ...(typeof lm === 'string' && { lm }), ...named('lm', lms) }
  return [
    ...Object.entries(languageModels).map(([role, path]) => ({ head: 'lm' as const, role, path })),
    ...rewards.flatMap(({ name, path, label }) =>
      path === undefined
        ? []
        : [{ head: 'reward' as const, role: `reward ${name}`, path, ...(label !== undefined && { label }) }],
    ),
  ]
}

const DEFAULTS: Readonly<Record<string, unknown>> = { device: 'cpu', dtype: 'fp32', cache: true }

/**
 * Refuses settings of models that run here if none does, unless they are the defaults.
 *
 * @param models those of `localModels`
 * @throws OptionError that names a setting
 */
export function checkEngine(models: readonly GpuModel[], settings: Readonly<Record<string, unknown>>): void {
  if (models.length > 0) return
  const idle = Object.entries(settings).find(([name, value]) => value !== undefined && value !== DEFAULTS[name])
  if (idle)
    throw new OptionError(
      `Expected a language model or a reward model that runs on this machine beside \`${idle[0]}\` ${idle[1]}, got none`,
    )
}

const named = (role: string, paths: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(paths).map(([name, path]) => [`${role} ${name}`, path]))

/**
 * What models need of a GPU at least: their weights, and the cache of one short sequence each. Undefined if one cannot be read, which its loading then
 * reports.
 */
export async function gpuNeeds(models: readonly GpuModel[], dtype: WeightDtype): Promise<GpuNeeds | undefined> {
  try {
    let bytes = 0
    for (const { path, ...expected } of models) {
      if (await findOnnx(path, dtype)) return { onlyCpu: `\`${expected.role}\` is an exported ONNX graph` }
      if (expected.head === 'reward' && (await isEncoder(path))) return { onlyCpu: `\`${expected.role}\` is an encoder` }
      bytes += await leastBytes(path, { ...expected, dtype })
    }
    return { bytes }
  } catch (error) {
    if (error instanceof ModelError) return undefined
    throw error
  }
}

async function leastBytes(path: string, expected: Expected): Promise<number> {
  // Whether each tensor fits into a buffer is decided when the model is loaded.
  const { graph, tensors } = await readCheckpoint(path, expected, 'webgpu', Number.POSITIVE_INFINITY)
  const unused = new Set(graph.unusedTensors)
  const used = [...tensors.entries].flatMap(([name, { shape }]) => (unused.has(name) ? [] : [{ name, shape }]))
  const weights = (graph.inMemory.length > 0 ? graph.inMemory : used).map((tensor) =>
    'bits' in tensor && tensor.bits !== undefined
      ? bytesInMemory(tensor)
      : (graph.halves.has(tensor.name) ? 2 : 4) * elements(tensor.shape),
  )
  return weights.reduce((sum, size) => sum + size, mostPositions(1, 1) * cacheBytesPerToken(graph.shape))
}

const elements = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1)
