import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Tensor } from 'onnxruntime-node'
import { type ModelConfig, readConfig } from '../../../../src/models/checkpoint/families/config.js'
import { readSafetensors } from '../../../../src/models/checkpoint/weights/safetensors.js'
import { buildGraph } from '../../../../src/models/graph/buildGraph.js'
import type { WeightDtype } from '../../../../src/models/graph/quantize.js'
import { ropeFeeds } from '../../../../src/models/runtime/decoder/ropeFeeds.js'
import { createSession } from '../../../../src/models/runtime/thread/createSession.js'

export const goldenFolder = fileURLToPath(new URL('../../../../data/golden/', import.meta.url))

export const goldenPath = (path: string): string => join(goldenFolder, path)

/** Token ids that are no end tokens. */
export const ids = (count: number, seed = 0): number[] =>
  Array.from({ length: count }, (_, i) => 3 + ((i * 37 + seed * 11 + ((i * i) % 13)) % 270))

/** A sequence whose first tokens are cached: keys and values by plane (layer 0 keys, layer 0 values, layer 1 keys, …). */
export type Cached = { tokens: number; planes: Float32Array[] }

/** New tokens of one sequence; `parents[i]` is the token before token i, -1 for the cached ones. */
export type Pass = Readonly<{ cached: Cached; tokenIds: readonly number[]; parents: readonly number[]; reads: readonly number[] }>

/** What a pass gave: the head at each read, and keys and values Float32[kvHeads, S, headDim] of the new tokens by plane. */
export type Answer = Readonly<{ heads: Float32Array[]; planes: Float32Array[] }>

export type Sizes = Readonly<{ T?: number; S?: number; R?: number; P?: number }>

export const chain = (cached: Cached, tokenIds: readonly number[], reads = [tokenIds.length - 1]): Pass => ({
  cached,
  tokenIds,
  parents: tokenIds.map((_, i) => i - 1),
  reads,
})

/** Candidates side by side on the same prefix, which is cached or, the last part of it, read in the same pass. */
export const tree = (cached: Cached, candidateIds: readonly number[], prefix: readonly number[] = []): Pass => ({
  cached,
  tokenIds: [...prefix, ...candidateIds],
  parents: [...prefix.map((_, i) => i - 1), ...candidateIds.map(() => prefix.length - 1)],
  reads: candidateIds.map((_, i) => prefix.length + i),
})

const int64 = (values: readonly number[], dims: readonly number[]) =>
  new Tensor('int64', BigInt64Array.from(values, BigInt), dims)
const MASKED = -1e9

export type GraphSession = Awaited<ReturnType<typeof openGraph>>

export const configOf = (folder: string): ModelConfig =>
  readConfig(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')), join(folder, 'config.json'))

/** The graph of a checkpoint in a session of its own, without the runtime: cache and masks are the test's. */
export async function openGraph(folder: string, changed: Readonly<Record<string, unknown>> = {}, dtype: WeightDtype = 'fp32') {
  const config = { ...configOf(folder), ...changed } as ModelConfig
  const tensors = await readSafetensors(folder)
  const { model, weightsFolder, inMemory, output, hiddenSize, shape, masks, longAfter, ropes } = buildGraph(
    config,
    tensors,
    dtype,
  )
  const session = await createSession({ graph: model, folder: weightsFolder, inMemory, threads: 1 }, () => undefined)
  const { layers, kvHeads, headDim } = shape
  const tables = ropeFeeds(ropes, longAfter)
  const count = 2 * layers
  const names = Array.from({ length: layers }, (_, layer) => [`key.${layer}`, `value.${layer}`]).flat()
  const empty = (): Cached => ({ tokens: 0, planes: Array.from({ length: count }, () => new Float32Array(0)) })

  /** Runs passes as one batch; sizes above the needed ones pad it. */
  async function run(passes: readonly Pass[], sizes: Sizes = {}): Promise<Answer[]> {
    const B = passes.length
    const S = Math.max(sizes.S ?? 0, ...passes.map(({ tokenIds }) => tokenIds.length))
    const R = Math.max(sizes.R ?? 0, ...passes.map(({ reads }) => reads.length))
    const T = Math.max(sizes.T ?? 0, ...passes.map(({ cached }) => 32 * Math.ceil(cached.tokens / 32)))
    const biases = masks.map(({ past, self, window = Number.POSITIVE_INFINITY }) => ({
      ...{ past, self, window },
      pastBias: new Float32Array(B * S * T).fill(MASKED),
      selfBias: new Float32Array(B * S * S).fill(MASKED),
    }))
    const past = Array.from({ length: count }, () => new Float32Array(B * kvHeads * T * headDim).fill(0.5))
    const [ids, positions, reads] = [B * S, B * S, B * R].map((length) => new Array<number>(length).fill(0)) as [
      number[],
      number[],
      number[],
    ]
    passes.forEach((pass, row) => {
      const { cached, tokenIds, parents } = pass
      const depths: number[] = []
      for (const parent of parents) depths.push(parent < 0 ? 0 : depths[parent]! + 1)
      const first = longAfter !== undefined && cached.tokens + Math.max(...depths) >= longAfter ? longAfter : 0
      for (let i = 0; i < S; i++) {
        const line = row * S + i
        for (const { selfBias } of biases) selfBias[line * S + i] = 0
        if (i >= tokenIds.length) continue
        ids[line] = tokenIds[i]!
        const depth = depths[i]!
        for (let j = parents[i]!; j >= 0; j = parents[j]!)
          for (const { selfBias, window } of biases) if (depth - depths[j]! < window) selfBias[line * S + j] = 0
        positions[line] = first + cached.tokens + depth
        for (const { pastBias, window } of biases)
          for (let t = 0; t < cached.tokens; t++) if (cached.tokens + depth - t < window) pastBias[line * T + t] = 0
      }
      pass.reads.forEach((index, read) => {
        reads[row * R + read] = row * S + index
      })
      past.forEach((plane, index) => {
        for (let head = 0; head < kvHeads; head++) {
          const size = cached.tokens * headDim
          plane.set(cached.planes[index]!.subarray(head * size, (head + 1) * size), (row * kvHeads + head) * T * headDim)
        }
      })
    })
    const feeds: Record<string, Tensor> = {
      input_ids: int64(ids, [B * S, 1]),
      position_ids: int64(positions, [B * S, 1]),
      slots: int64([...ids.keys()], [B, S]),
      places: int64([...ids.keys()], [B * S, 1]),
      read_positions: int64(reads, [B * R]),
      ...tables(sizes.P ?? Math.max(...positions) + 1),
      ...(hiddenSize !== undefined && { head_positions: int64([...reads.keys()], [B * R]), top: int64([1], [1]) }),
    }
    for (const { past, self, pastBias, selfBias } of biases) {
      feeds[past] = new Tensor('float32', pastBias, [B, 1, S, T])
      feeds[self] = new Tensor('float32', selfBias, [B, 1, S, S])
    }
    past.forEach((plane, index) => {
      feeds[`past_${names[index]}`] = new Tensor('float32', plane, [B, kvHeads, T, headDim])
    })
    const outputs = await session.run(feeds)
    const data = (name: string) => outputs[name]!.data as Float32Array
    const width = data(output).length / (B * R)
    return passes.map(({ tokenIds, reads: own }, row) => ({
      heads: own.map((_, read) => data(output).slice((row * R + read) * width, (row * R + read + 1) * width)),
      planes: names.map((name) => {
        const plane = new Float32Array(kvHeads * tokenIds.length * headDim)
        for (let head = 0; head < kvHeads; head++) {
          const begin = (row * kvHeads + head) * S * headDim
          plane.set(data(name).subarray(begin, begin + tokenIds.length * headDim), head * tokenIds.length * headDim)
        }
        return plane
      }),
    }))
  }

  /** The sequence with token `index` of a pass, or all of a chain's, put behind what is cached. */
  function grown(pass: Pass, answer: Answer, kept: readonly number[] = pass.tokenIds.map((_, i) => i)): Cached {
    const { cached, tokenIds } = pass
    const tokens = cached.tokens + kept.length
    const planes = answer.planes.map((plane, index) => {
      const joined = new Float32Array(kvHeads * tokens * headDim)
      for (let head = 0; head < kvHeads; head++) {
        const old = cached.planes[index]!.subarray(head * cached.tokens * headDim, (head + 1) * cached.tokens * headDim)
        joined.set(old, head * tokens * headDim)
        kept.forEach((token, i) => {
          const begin = (head * tokenIds.length + token) * headDim
          joined.set(plane.subarray(begin, begin + headDim), (head * tokens + cached.tokens + i) * headDim)
        })
      }
      return joined
    })
    return { tokens, planes }
  }

  return { config, longAfter, masks, session, empty, run, grown, inputs: session.inputNames, outputs: session.outputNames }
}
