import { lastValueFrom } from 'rxjs'
import type { BatchedLanguageModel, BatchedPairReward, BatchedRewardModel } from '../../src/core/batched.js'
import { InputError, RemoteError, RewardError, ShapeError } from '../../src/core/errors.js'
import { cosine, logSumExp } from '../../src/core/math.js'
import type { TextCodec } from '../../src/core/model.js'
import type { TextReward } from '../../src/core/rewardSource.js'
import type { Reply } from '../../src/core/run.js'
import type { Sequence } from '../../src/core/sequence.js'
import { readsAs } from '../../src/core/text/decodedText.js'
import type { Metric } from '../../src/eval/metrics.js'
import { type EndOfText, endOfText } from '../rewards/endToken.js'
import { textScores } from '../rewards/rewardOfText.js'
import { pairTexts, tokenTexts, type WholeTexts, writtenText } from '../rewards/wholeTexts.js'

/** A metric that needs a model: one number per reply, NaN if a reply cannot be measured. */
export type Measure = Metric & Readonly<{ measure: (replies: readonly Reply[]) => Promise<readonly number[]> }>

/**
 * Metric `reward:NAME`: a model's reward of prompt and completion. For an autoregressive reward model it is the log-probability of the completion. A
 * text longer than the model's context has none.
 *
 * @param options.endToken a special token of the model that it reads after each reply, unless a limit of tokens cut the reply off (none)
 * @throws OptionError for an `endToken` that the model cannot read
 */
export function rewardMeasure(
  model: BatchedRewardModel | BatchedPairReward | TextReward,
  { endToken }: Readonly<{ endToken?: string | undefined }> = {},
): Measure {
  const ended = endOfText(model, endToken)
  return {
    name: `reward:${model.name}`,
    kind: 'mean',
    measure: (replies) => {
      if (model.kind === 'text') return rewardsOfText(replies, textScores(model))
      return model.kind === 'pairs' ? rewardsOf(replies, pairTexts(model), ended) : rewardsOf(replies, tokenTexts(model), ended)
    },
  }
}

/** Scores replies with a reward over text. A text that is empty, or that the server refuses, has no reward. */
const rewardsOfText = (replies: readonly Reply[], scores: ReturnType<typeof textScores>): Promise<number[]> =>
  Promise.all(
    replies.map(async ({ prompt, completion }) => {
      try {
        const [value] = await lastValueFrom(scores([writtenText(prompt ?? '', completion ?? '')]))
        return value!
      } catch (error) {
        const cause = error instanceof RewardError ? error.cause : error
        if (cause instanceof InputError || (cause instanceof RemoteError && cause.kind === 'refusal')) return Number.NaN
        throw error
      }
    }),
  )

const rewardsOf = <Call>(replies: readonly Reply[], texts: WholeTexts<Call>, ended: EndOfText): Promise<number[]> =>
  inBatches(replies, texts.maxBatch, async (batch) => {
    const calls = batch.map(({ prompt, completion, finishReason }) => {
      try {
        // Rows do not say whether their prompt was rendered.
        return { call: texts.read(prompt ?? '', ended(completion ?? '', finishReason === 'length'), 'once') }
      } catch (error) {
        if (error instanceof InputError || error instanceof RewardError) return undefined
        throw error
      }
    })
    const fitting = calls.filter((one) => one !== undefined)
    const rewards = await texts.run(fitting.map(({ call }) => call))
    for (const { call } of fitting) texts.release(call)
    const rewardOf = new Map(fitting.map((one, index) => [one, rewards[index]!]))
    return calls.map((one) => (one && rewardOf.get(one)) ?? Number.NaN)
  })

/**
 * Metric `perplexity`: mean negative log-likelihood of a reply's tokens after its prompt, including the end token. A run's perplexity is exp
 * of the mean over all tokens. It reads each prompt with its reply in pieces, or token by token if the model is an exported graph.
 *
 * - errors: `InputError` unless the model tokenizes the prompts like the run's own model
 */
export const perplexityMeasure = (lm: BatchedLanguageModel): Measure => ({
  name: 'perplexity',
  kind: 'perplexity',
  measure: (replies) => inBatches(replies, lm.maxBatch, (batch) => likelihoods(lm, batch)),
})

async function likelihoods(lm: BatchedLanguageModel, replies: readonly Reply[]): Promise<number[]> {
  const sequences = replies.map((reply): Sequence | undefined => {
    const { promptTokenIds, tokenIds, id: promptId, sample, prompt } = reply
    if (!promptTokenIds || !tokenIds || promptTokenIds.length + tokenIds.length - 1 > lm.contextLength) return undefined
    checkTokenizer(lm.codec, reply)
    return { key: {}, promptId, sample, seed: 0, prompt: { text: prompt ?? '' }, promptTokenIds, tokenIds }
  })
  const fitting = sequences.filter((one) => one !== undefined)
  const logprobs = await (lm.logprobs ? lm.logprobs(fitting) : logprobsByToken(lm, fitting))
  for (const { key } of fitting) lm.release(key)
  const lossOf = new Map(fitting.map((one, index) => [one, -mean(logprobs[index]!)]))
  return sequences.map((one) => (one && lossOf.get(one)) ?? Number.NaN)
}

const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length

async function logprobsByToken(lm: BatchedLanguageModel, sequences: readonly Sequence[]): Promise<Float32Array[]> {
  const found = sequences.map(({ tokenIds }) => new Float32Array(tokenIds.length))
  const longest = Math.max(0, ...found.map(({ length }) => length))
  for (let step = 0; step < longest; step++) {
    const live = sequences.flatMap((sequence, index) => (step < sequence.tokenIds.length ? [{ sequence, index }] : []))
    const logits = await lm.run(
      live.map(({ sequence }) => ({ sequence: { ...sequence, tokenIds: sequence.tokenIds.slice(0, step) }, need: 'all' })),
    )
    live.forEach(({ sequence: { tokenIds }, index }, at) => {
      const { values } = logits[at]!
      found[index]![step] = values[tokenIds[step]!]! - logSumExp(values)
    })
  }
  return found
}

function checkTokenizer(codec: TextCodec, { id, prompt, promptTokenIds }: Reply): void {
  if (!readsAs(codec, prompt ?? '', promptTokenIds!))
    throw new InputError(`Expected \`lm\` to have the tokenizer of the run, got different token ids for the prompt of \`${id}\``)
}

/** A sentence encoder: one vector per text; `ShapeError` if a text is longer than its context. */
export type Encoder = Readonly<{ embed: (texts: readonly string[]) => Promise<readonly Float32Array[]> }>

/** Metric `coherence`: cosine of the sentence embeddings of prompt and completion. A text longer than the encoder's context has none. */
export const coherenceMeasure = ({ embed }: Encoder): Measure => {
  const of = async (replies: readonly Reply[]): Promise<number[]> => {
    const vectors = await embed(replies.flatMap(({ prompt, completion }) => [prompt ?? '', completion ?? '']))
    return replies.map((_, index) => cosine(vectors[2 * index]!, vectors[2 * index + 1]!))
  }
  /** Splits the batch in halves until texts that do not fit are alone. */
  const fitting = async (replies: readonly Reply[]): Promise<number[]> => {
    try {
      return await of(replies)
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error
      if (replies.length === 1) return [Number.NaN]
      const middle = replies.length >> 1
      return [...(await fitting(replies.slice(0, middle))), ...(await fitting(replies.slice(middle)))]
    }
  }
  return { name: 'coherence', kind: 'mean', measure: async (replies) => (replies.length === 0 ? [] : fitting(replies)) }
}

async function inBatches<T>(
  items: readonly T[],
  size: number,
  of: (batch: readonly T[]) => Promise<readonly number[]>,
): Promise<number[]> {
  const found: number[] = []
  for (let start = 0; start < items.length; start += size) found.push(...(await of(items.slice(start, start + size))))
  return found
}
