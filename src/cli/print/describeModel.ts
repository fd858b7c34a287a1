import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { checkHead, type Expected } from '../../models/checkHead.js'
import type { ModelConfig } from '../../models/checkpoint/families/config.js'
import type { EncoderConfig } from '../../models/checkpoint/families/encoderConfig.js'
import { fittingCodec } from '../../models/checkpoint/loadCheckpoint.js'
import { isEncoder, loadEncoderCheckpoint } from '../../models/checkpoint/loadEncoderCheckpoint.js'
import type { Tensors } from '../../models/checkpoint/weights/safetensors.js'
import { buildEncoder } from '../../models/graph/buildEncoder.js'
import type { Device } from '../../models/graph/builder.js'
import { longAfterOf } from '../../models/graph/buildGraph.js'
import { bytesInMemory } from '../../models/graph/bytesInMemory.js'
import { ropesOf } from '../../models/graph/layers/rope.js'
import type { TensorInMemory } from '../../models/graph/weights.js'
import { unreadOfEncoder } from '../../models/loadEncoder.js'
import { readModel } from '../../models/loadModel.js'
import { encoderLabel, vocabularyNotice } from '../../models/loadReward.js'
import { findOnnx, type OnnxFile } from '../../models/onnx/findOnnx.js'
import { type OnnxCheckpoint, readOnnxModel } from '../../models/onnx/readOnnxModel.js'
import { cacheBytesPerToken } from '../../models/runtime/decoder/cacheShape.js'
import { CHUNK } from '../../models/runtime/decoder/passes.js'
import { ropeBytes } from '../../models/runtime/decoder/ropeFeeds.js'

/** Rounds to three digits and a unit: `5.47 M`. */
const scale = (value: number, units: readonly string[]): string => {
  const unit = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, value)) / 3))
  return `${Number((value / 1000 ** unit).toPrecision(3))} ${units[unit]}`.trimEnd()
}

/** Formats a count: `5.47 M`. */
export const count = (value: number): string => scale(value, ['', 'k', 'M', 'B', 'T'])

/** Formats bytes in powers of ten: `21.9 MB`. */
export const bytes = (value: number): string => scale(value, ['B', 'kB', 'MB', 'GB', 'TB'])

export type ModelSize = Readonly<{
  /** Unknown for an exported ONNX graph, because its weights are not read. */
  parameters?: number
  /** Element types of the weights, the most common first; for an exported graph, the name of its file. */
  dtypes: readonly string[]
  /**
   * Bytes of the loaded weights: fp32 except quantized ones and those that a GPU has in fp16, a tied embedding twice; for an exported graph, the size of
   * its files.
   */
  weightBytes: number
  /** Bytes beyond the weights while they load: what is not read from its file as it is lies in memory twice, blocks of few bits three times. */
  loadBytes: number
  /** Bytes of keys and values per token; none for an encoder. */
  cacheBytes: number
  /** Bytes of the rotary tables for sequences of this many tokens. Learned positions are weights. */
  positionBytes: (tokens: number) => number
}>

/** Describes the positions of a model: `rotary, base 10000, yarn`, or `learned`. */
export function positionsOf(config: ModelConfig): string {
  if (!('ropeTheta' in config)) return 'learned'
  const { ropeTheta, ropeScaling, rotaryDim, headDim } = config
  const stretched = ropeScaling.type === 'none' ? '' : `, ${ropeScaling.type}`
  const part = rotaryDim === headDim ? '' : `, ${rotaryDim} of ${headDim} elements of a head`
  const local = 'localRope' in config ? `; base ${config.localRope.ropeTheta} in local layers` : ''
  return `rotary, base ${ropeTheta}${stretched}${part}${local}`
}

/** Describes the sliding window of a model: `4096 tokens, 13 of 26 layers`. */
export function windowOf(config: ModelConfig): string {
  if (!('slidingWindow' in config) || !config.slidingWindow) return 'none: every token sees all before it'
  const { tokens, layers } = config.slidingWindow
  return `${tokens} tokens, ${layers.filter(Boolean).length} of ${layers.length} layers`
}

const elements = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1)

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** Computes the memory of a model from the headers of its files. */
export function sizeOf(
  config: ModelConfig | EncoderConfig,
  tensors: Tensors,
  inMemory: readonly TensorInMemory[] = [],
): ModelSize {
  const all = [...tensors.entries.values()]
  const parameters = all.reduce((sum, { shape }) => sum + elements(shape), 0)
  const byType = new Map<string, number>()
  for (const { dtype, shape } of all) byType.set(dtype, (byType.get(dtype) ?? 0) + elements(shape))
  const stored = ['lm_head.weight', 'embed_out.weight'].some(tensors.has)
  const width = 'embeddingSize' in config ? config.embeddingSize : config.hiddenSize
  const quantized = inMemory.filter(({ bits }) => bits !== undefined)
  const tied = 'head' in config && config.head === 'lm' && config.tieWordEmbeddings && !stored ? config.vocabSize * width : 0
  return {
    parameters,
    dtypes: [...byType].sort(([, a], [, b]) => b - a).map(([dtype]) => dtype),
    weightBytes: 4 * (parameters + tied) - sum(quantized.map((one) => 4 * elements(one.shape) - bytesInMemory(one))),
    loadBytes: sum([...inMemory, ...quantized].map(bytesInMemory)),
    cacheBytes: 'kvHeads' in config ? cacheBytesPerToken(config) : 0,
    positionBytes: (tokens) => ('kvHeads' in config ? ropeBytes(ropesOf(config), tokens, longAfterOf(config)) : 0),
  }
}

/**
 * Bytes of the program itself, with Node, the runtime and tokenizers: 200 to 220 MB are measured with the embedded language model, on Linux.
 */
export const PROGRAM_BYTES = 200e6

/** Bytes for the keys and values of a run's new tokens, which the runtime has in its own memory and gives out: of each sequence one piece of a prompt. */
export const batchBytes = ({ cacheBytes }: ModelSize, sequences: number): number => 2 * CHUNK * cacheBytes * sequences

/** Describes a model without loading it: config, memory on a device and notices. */
export async function describeModel(path: string, { device, ...expected }: Expected & Readonly<{ device?: Device }>) {
  const { head, role, dtype, label } = expected
  const onnx = await findOnnx(path, dtype)
  if (onnx) {
    const model = await readOnnxModel(onnx)
    checkHead(model, expected)
    await fittingCodec(model)
    return { config: model.config, size: await sizeOfOnnx(onnx, model), notices: [] }
  }
  if (head === 'reward' && (await isEncoder(path))) {
    const checkpoint = await loadEncoderCheckpoint(path)
    const { config, tensors } = checkpoint
    const reading = { label: encoderLabel(checkpoint, label, role) }
    const { inMemory, unusedTensors } = buildEncoder(config, tensors, reading, dtype)
    return { config, size: sizeOf(config, tensors, inMemory), notices: unreadOfEncoder(checkpoint, unusedTensors, reading) }
  }
  const { config, tensors, graph, reading, notices } = await readModel(path, expected, device)
  const all = reading?.kind === 'vocabulary' ? [...notices, vocabularyNotice(role.replace(/^reward /, ''))] : notices
  const size = sizeOf(config, tensors, graph.inMemory)
  const halves = [...tensors.entries].filter(([name]) => graph.halves.has(name))
  const saved = sum(halves.map(([, { shape }]) => 2 * elements(shape)))
  return { config, size: { ...size, weightBytes: size.weightBytes - saved }, notices: all }
}

/** Computes the memory of an exported graph from its header and the sizes of its files. */
export async function sizeOfOnnx({ folder, name }: OnnxFile, { contract, opened }: OnnxCheckpoint): Promise<ModelSize> {
  const files = await Promise.all(opened.names.map((each) => stat(join(folder, each))))
  const bytesOf = { float32: 4, float16: 2 }
  return {
    dtypes: [name],
    weightBytes: files.reduce((sum, { size }) => sum + size, 0),
    loadBytes: 0,
    cacheBytes: contract.planes.reduce((sum, { heads, headDim, type }) => sum + heads * headDim * bytesOf[type], 0),
    positionBytes: () => 0,
  }
}
