import type { InferenceSession } from 'onnxruntime-node'
import type { Mask } from '../../../../../src/models/graph/masks.js'
import type { EngineModel } from '../../../../../src/models/runtime/decoder/Engine.js'

const shape = { layers: 1, kvHeads: 1, headDim: 2 }
export const full: Mask = { past: 'past_bias', self: 'self_bias' }
export const model: EngineModel = { shape, masks: [full], contextLength: 1024, output: 'reward', vocabSize: 31 }

export const mixed = (token: number, position: number): number =>
  ((token + 1) * 7_919 + (position + 1) * (token + 13) * 104_729) % 65_521

/** What a model that had read these tokens, and these only, says of the last one: by each of its masks, one after the other. */
export function meaning(tokens: readonly number[], { masks, longAfter }: EngineModel = model): number {
  const first = longAfter !== undefined && tokens.length > longAfter ? longAfter : 0
  return masks.reduce((sum, { window = tokens.length }) => {
    const seen = tokens.map((token, position) => (position < tokens.length - window ? 0 : mixed(token, first + position)))
    return (3 * sum + seen.reduce((all, one) => all + one, 0)) % 65_521
  }, 0)
}

type Feed = { data: Float32Array & BigInt64Array; dims: readonly number[] }
/** Rows, places a row, cached positions, tokens in all, and reads. */
export type Run = { B: number; S: number; T: number; N: number; R: number }

/** A model that keeps token and position as its keys, and sums over whatever each of the masks lets a token see. */
export function transparentSession({ masks }: EngineModel, runs: Run[] = []): Pick<InferenceSession, 'run'> {
  const run = async (given: unknown) => {
    const feeds = given as Record<string, Feed>
    const [B, S] = feeds.slots!.dims as [number, number]
    const N = feeds.input_ids!.dims[0]!
    const T = feeds[masks[0]!.past]!.dims[3]!
    const reads = Array.from(feeds.read_positions!.data, (token) => Number(feeds.places!.data[Number(token)]))
    runs.push({ B, S, T, N, R: reads.length })
    const reward = new Float32Array(reads.length)
    const keys = new Float32Array(B * S * 2)
    for (let b = 0; b < B; b++) {
      for (let s = 0; s < S; s++) {
        const token = Number(feeds.slots!.data[b * S + s])
        keys[(b * S + s) * 2] = Number(feeds.input_ids!.data[token])
        keys[(b * S + s) * 2 + 1] = Number(feeds.position_ids!.data[token])
      }
    }
    for (const [r, place] of reads.entries()) {
      const [b, at] = [Math.floor(place / S), place % S]
      const past = feeds['past_key.0']!.data
      for (const mask of masks) {
        const [pastBias, selfBias] = [feeds[mask.past]!, feeds[mask.self]!]
        const line = (b * pastBias.dims[2]! + (pastBias.dims[2] === 1 ? 0 : at)) * T
        let sum = 0
        const see = (bias: number, token: number, position: number) => {
          if (bias === 0) sum += mixed(token, position)
        }
        for (let t = 0; t < T; t++) see(pastBias.data[line + t]!, past[(b * T + t) * 2]!, past[(b * T + t) * 2 + 1]!)
        for (let s = 0; s < S; s++) see(selfBias.data[place * S + s]!, keys[(b * S + s) * 2]!, keys[(b * S + s) * 2 + 1]!)
        reward[r] = (3 * reward[r]! + sum) % 65_521
      }
    }
    return {
      reward: { data: reward },
      hidden_states: { data: reward },
      'key.0': { data: keys },
      'value.0': { data: keys.slice() },
    }
  }
  return { run: run as unknown as InferenceSession['run'] }
}
