import { type ArgsOptions, argsOptions } from '../../../pipelines/decoders/args.js'
import { weightsOf } from '../../../pipelines/decoding/perReward.js'
import { OptionError } from '../../core/errors.js'
import type { Models } from '../../core/run.js'
import type { Baseline } from './baseline.js'
import type { Recording } from './figures.js'

/** A setting compared with a baseline, which decoded the same prompts with the same weights right after it. */
export type Compared = Readonly<{
  seconds: number
  prefill_seconds: number
  completion_tokens: number
  tokens_per_second: number
  /** Tokens per second of rxargs over those of the baseline, including the prompts. */
  ratio: number
  /** The same without the prompts: tokens per second from the second token on. */
  decode_ratio: number
  completions: number
  /** Completions with the same token ids as those of the baseline. */
  equal_completions: number
}>

type Setting = Readonly<{
  lm: string
  reward: string
  decoder: string
  concurrency: number
  maxNewTokens: number
  models: Models
  /** Options of the decoder args. */
  options: ArgsOptions
}>

const WARM_UP_TOKENS = 2

/** Translates a decoder to k and weight of a baseline task. */
function choiceOf({ decoder, options, reward }: Setting): { k: number; weight: number } {
  if (decoder === 'args') {
    const { k, weight } = argsOptions.parse(options)
    return { k, weight: weightsOf([{ name: reward }], weight)[reward]! }
  }
  if (decoder === 'greedy') return { k: 1, weight: 0 }
  throw new OptionError(`Expected \`--baseline\` with the decoders args and greedy, which do not sample, got \`${decoder}\``)
}

/** Warms the baseline up, and lets it decode the recorded prompts. */
export async function compare(
  baseline: Baseline,
  setting: Setting,
  recording: Recording,
  decodeTokensPerSecond: number,
): Promise<Compared> {
  const { startedAt, endedAt, rows } = recording
  const { lm, reward, concurrency, maxNewTokens, models } = setting
  const task = { lm, reward, concurrency, ...choiceOf(setting), end_token_ids: models.lm.endTokenIds }
  const prompts = rows.map(({ promptTokenIds }) => promptTokenIds)
  await baseline.decode({ ...task, prompt_token_ids: prompts.slice(0, 1), max_new_tokens: WARM_UP_TOKENS })
  const answer = await baseline.decode({ ...task, prompt_token_ids: prompts, max_new_tokens: maxNewTokens })
  const tokens = answer.token_ids.reduce((sum, ids) => sum + ids.length, 0)
  const ours = rows.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0)
  const isEqual = (ids: readonly number[], index: number) => ids.join() === rows[index]!.tokenIds.join()
  return {
    seconds: answer.seconds,
    prefill_seconds: answer.prefill_seconds,
    completion_tokens: tokens,
    tokens_per_second: tokens / answer.seconds,
    ratio: (1000 * ours) / (endedAt - startedAt) / (tokens / answer.seconds),
    decode_ratio: decodeTokensPerSecond / (tokens / (answer.seconds - answer.prefill_seconds)),
    completions: rows.length,
    equal_completions: answer.token_ids.filter(isEqual).length,
  }
}
