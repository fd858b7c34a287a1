import type { Command } from 'commander'
import { type Measure, perplexityMeasure, rewardMeasure } from '../../../pipelines/evaluation/measures.js'
import { generateOptions } from '../../../pipelines/run/generate.js'
import { OptionError } from '../../core/errors.js'
import { batchedLanguageModel } from '../../models/batchedModels.js'
import { checkEngine, localModels } from '../../models/gpuNeeds.js'
import { loadModel } from '../../models/loadModel.js'
import { isHttp } from '../../models/remote/httpAddress.js'
import { type EngineFlags, engineFlags, engineOf, localRewards } from '../flags/engineFlags.js'
import { collect, END_TOKEN_HELP, type NamedPath, namedPath, number, type RewardPath, text, withLabels } from '../flags/flags.js'
import { openReward } from '../flags/openReward.js'
import { type CoherenceFlags, checkCoherence, coherenceFlags, loadCoherence } from './coherence.js'

const { seed } = generateOptions.shape

/** Flags that choose what to measure besides the figures in the rows. */
export type MeasureFlags = CoherenceFlags &
  EngineFlags &
  Readonly<{
    rewardModel?: readonly NamedPath[]
    rewardLabel?: readonly string[]
    endToken?: string
    lm?: string
    seed: number
  }>

/** The flags of commands that evaluate runs. */
export const measureFlags = (command: Command): Command =>
  coherenceFlags(
    engineFlags(command)
      .option(
        '--reward-model <[name=]reward>',
        'also score the replies with this reward model or server (NAME=http://…); repeatable',
        collect(namedPath('reward-model')),
      )
      .option(
        '--reward-label <[name=]label>',
        'label of the reward model to use as the reward, if it has several',
        collect(text('reward-label')),
      )
      .option('--end-token <token>', END_TOKEN_HELP, text('end-token'))
      .option('--lm <folder>', 'measure perplexity under this language model; reads each prompt with its reply', text('lm')),
  ).option('--seed <number>', 'seed of the bootstrap', number('seed', seed), seed.parse(undefined))

/**
 * Reads the reward models from the flags.
 *
 * @throws OptionError if flags contradict each other
 */
export function measuredRewards({ rewardModel = [], rewardLabel, endToken, ...coherence }: MeasureFlags): readonly RewardPath[] {
  checkCoherence(coherence)
  const rewards = withLabels(rewardModel, rewardLabel)
  if (endToken !== undefined && rewards.length === 0)
    throw new OptionError('Expected `--end-token` beside `--reward-model`, got no reward model')
  const names = rewards.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new OptionError(`Expected each reward model to have a name of its own, got \`${twice}\` twice`)
  return rewards
}

/** Loads a measure for each model in the flags. Adds a closing function for each to `closing`, even if a later model fails to load. */
export async function loadMeasures(
  rewards: readonly RewardPath[],
  { lm, device, dtype, cache, endToken, ...flags }: MeasureFlags,
  say: (notice: string) => void,
  closing: (() => Promise<void>)[],
): Promise<Measure[]> {
  const measures: Measure[] = []
  let chosen: ReturnType<typeof engineOf> | undefined
  const local = [...localRewards(rewards), ...localModels(lm, {}, [])]
  checkEngine(local, { device, dtype, cache })
  const engine = () => {
    chosen ??= engineOf({ device, dtype, cache }, say, local)
    return chosen
  }
  for (const reward of rewards) {
    const loaded = await openReward(reward, await engine())
    closing.push(loaded.close)
    for (const notice of loaded.notices) say(notice)
    measures.push(rewardMeasure(loaded.source, { endToken }))
  }
  if (lm !== undefined) {
    if (isHttp(lm))
      throw new OptionError(
        'Expected `--lm` to be a folder: perplexity needs the logits of all tokens, and a server does not return them',
      )
    const { maxBatch, ...running } = await engine()
    const loaded = await loadModel(lm, { head: 'lm', role: 'lm', ...running })
    closing.push(() => loaded.worker.close())
    for (const notice of loaded.notices) say(notice)
    measures.push(perplexityMeasure(batchedLanguageModel(loaded, maxBatch)))
  }
  const coherence = await loadCoherence(flags, say)
  if (coherence !== undefined) {
    closing.push(coherence.close)
    measures.push(coherence.measure)
  }
  return measures
}
