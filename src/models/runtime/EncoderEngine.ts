import { type InferenceSession, Tensor } from 'onnxruntime-node'
import { clock } from '../../core/observe/observer.js'
import type { ModelAnswer, ModelCall } from './call.js'
import type { SessionRun } from './watch.js'

/** What an encoder's engine needs to know about its model. */
export type EncoderModel = Readonly<{
  /** Numbers per text. */
  width: number
  /** Reads the first position, or the mean of all. */
  pooling: 'first' | 'mean'
  /** RoBERTa's position of padding tokens. Other tokens count from the next one. */
  paddingPosition?: number
}>

/** Texts are padded to a multiple of this. So the padding depends on a text's own length, never on its batch. */
const BUCKET = 32
/** Most tokens in a run. */
const TOKENS_A_RUN = 4096
/** Added to the scores of padding. Its exponential is an exact zero. */
const MASKED = -1e9

/** Runs an encoder over texts and batches those of similar length. It has no cache. */
export class EncoderEngine {
  constructor(
    private readonly session: Pick<InferenceSession, 'run'>,
    private readonly model: EncoderModel,
    private readonly onRun: (run: SessionRun) => void = () => undefined,
  ) {}

  async run(calls: readonly ModelCall[]): Promise<ModelAnswer[]> {
    const buckets = new Map<number, ModelCall[]>()
    for (const call of calls) {
      const tokens = BUCKET * Math.ceil(call.tokenIds.length / BUCKET)
      const bucket = buckets.get(tokens)
      if (bucket) bucket.push(call)
      else buckets.set(tokens, [call])
    }
    const results = new Map<ModelCall, ModelAnswer>()
    for (const [tokens, bucket] of buckets) {
      const rows = Math.max(1, Math.floor(TOKENS_A_RUN / tokens))
      for (let from = 0; from < bucket.length; from += rows) await this.runBatch(bucket.slice(from, from + rows), tokens, results)
    }
    return calls.map((call) => results.get(call)!)
  }

  private async runBatch(calls: readonly ModelCall[], tokens: number, results: Map<ModelCall, ModelAnswer>): Promise<void> {
    const { width } = this.model
    const startedAt = clock()
    const { values } = await this.session.run(encoderFeeds(calls, tokens, this.model))
    this.onRun({ startedAt, endedAt: clock(), rows: calls.length, tokens: calls.length * tokens, reads: calls.length })
    const data = values!.data as Float32Array
    for (const [row, call] of calls.entries()) results.set(call, { values: data.slice(row * width, (row + 1) * width) })
  }
}

/** The graph's inputs for B texts, each padded to S tokens. */
function encoderFeeds(
  calls: readonly ModelCall[],
  S: number,
  { pooling, paddingPosition }: EncoderModel,
): Record<string, Tensor> {
  const B = calls.length
  const ids = new BigInt64Array(B * S)
  const types = new BigInt64Array(B * S)
  const positions = new BigInt64Array(B * S).fill(BigInt(paddingPosition ?? 0))
  const bias = new Float32Array(B * S).fill(MASKED)
  const weights = new Float32Array(B * S)
  calls.forEach(({ tokenIds, typeIds }, row) => {
    let position = paddingPosition === undefined ? 0 : paddingPosition + 1
    tokenIds.forEach((tokenId, i) => {
      const at = row * S + i
      ids[at] = BigInt(tokenId)
      types[at] = BigInt(typeIds?.[i] ?? 0)
      // RoBERTa gives a padding token inside a text the position of padding, but attends to it.
      if (tokenId !== paddingPosition) positions[at] = BigInt(position++)
      bias[at] = 0
      if (pooling === 'mean') weights[at] = 1 / tokenIds.length
    })
    if (pooling === 'first') weights[row * S] = 1
  })
  return {
    input_ids: new Tensor('int64', ids, [B, S]),
    token_type_ids: new Tensor('int64', types, [B, S]),
    position_ids: new Tensor('int64', positions, [B, S]),
    bias: new Tensor('float32', bias, [B, 1, 1, S]),
    pooling: new Tensor('float32', weights, [B, 1, S]),
  }
}
