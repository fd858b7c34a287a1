/** A public language model and a reward model that fits it. `licence` has the reward model's licence first, then the language model's. */
export type PublicPair = Readonly<{ lm: string; reward: string; size: string; head: string; licence: string; checked: string }>

const ONE_LABEL = 'classifier, one label'

/**
 * Public pairs of supported families, the smaller ones first. `checked` says what was seen of each. None of them was downloaded and run here.
 */
export const publicPairs: readonly PublicPair[] = [
  {
    lm: 'Qwen/Qwen3-0.6B',
    reward: 'Skywork/Skywork-Reward-V2-Qwen3-0.6B',
    size: '0.6 B each',
    head: ONE_LABEL,
    licence: "Apache-2.0 on its larger sisters' cards; LICENSE file",
    checked:
      'base model and sizes on the cards; a copy of the config of the language model read by rxargs; config of the reward model not seen',
  },
  {
    lm: 'openai-community/gpt2-large',
    reward: 'Ray2333/gpt2-large-helpful-reward_model',
    size: '0.8 B each',
    head: ONE_LABEL,
    licence: 'MIT; MIT',
    checked: 'config of the reward model read by rxargs; both have safetensors',
  },
  {
    lm: 'meta-llama/Llama-3.2-3B-Instruct',
    reward: 'Ray2333/GRM-Llama3.2-3B-rewardmodel-ft',
    size: '3 B each',
    head: ONE_LABEL,
    licence: 'Apache-2.0; not seen',
    checked: 'safetensors of the reward model; a config derived from its config read by rxargs, its own not seen',
  },
  {
    lm: 'meta-llama/Llama-3.1-8B-Instruct',
    reward: 'Skywork/Skywork-Reward-Llama-3.1-8B',
    size: '8 B each',
    head: ONE_LABEL,
    licence: 'Skywork Community License; not seen',
    checked: 'config of the reward model read by rxargs',
  },
]
