/** Checkpoints of a reproduction by role, in addition to the models of the package. */
export const checkpoints = {
  'base-lm': 'a language model that was not trained on the preference data',
  'ppo-lm': 'the language model after PPO with the guiding reward model',
  'dpo-lm': 'the language model after DPO on the preference data',
  'small-lm': 'a smaller language model',
  'small-rm': 'a smaller reward model',
} as const
export type FurtherModel = keyof typeof checkpoints
export type Role = 'chat-lm' | 'chat-rm' | FurtherModel

/** A run: its models and its decoder. Its folder is `runs/LM/RM/DECODER`. */
export type ReproducedRun = Readonly<{ lm: Role; reward: Role; decoder: string }>

/** Runs to compare, each with the first. `left`: roles without a checkpoint. */
export type Comparison = Readonly<{
  name: string
  title: string
  about: string
  runs: readonly ReproducedRun[]
  left: readonly FurtherModel[]
}>

/** The decoders of the paper, and best-of-n. */
const compared = ['greedy', 'top-k', 'nucleus', 'contrastive', 'args', 'args-stochastic', 'best-of-n']

export const runName = ({ lm, reward, decoder }: ReproducedRun): string => `${lm}/${reward}/${decoder}`

/**
 * Lists the comparisons of the paper's tables and figures, for the available checkpoints: decoders on the fine-tuned and the base language
 * model, ARGS against PPO and DPO, and sizes of language model and reward model.
 *
 * @see ARGS (Khanov et al., 2024), section 4 and Figure 3
 */
export function comparisons(has: ReadonlySet<string>): Comparison[] {
  const left = (...roles: readonly FurtherModel[]) => roles.filter((role) => !has.has(role))
  const there = (role: Role) => !(role in checkpoints) || has.has(role)
  const run = (lm: Role, decoder: string, reward: Role = 'chat-rm'): ReproducedRun => ({ lm, reward, decoder })
  const all = (runs: readonly ReproducedRun[]) => runs.filter(({ lm, reward }) => there(lm) && there(reward))
  const sizes = (['chat-lm', 'small-lm'] as const).flatMap((lm) =>
    (['chat-rm', 'small-rm'] as const).flatMap((reward) => [
      ...(reward === 'chat-rm' ? [run(lm, 'greedy')] : []),
      run(lm, 'args', reward),
    ]),
  )
  const ofLm = (name: string, title: string, lm: Role, ...roles: readonly FurtherModel[]): Comparison => ({
    ...{ name, title, about: 'Every decoder, guided or watched by the same reward model.' },
    runs: all(compared.map((decoder) => run(lm, decoder))),
    left: left(...roles),
  })
  return [
    ofLm('decoders', 'Decoders, fine-tuned language model', 'chat-lm'),
    ofLm('decoders-base-lm', 'Decoders, base language model', 'base-lm', 'base-lm'),
    {
      name: 'training',
      title: 'ARGS beside training with the reward',
      about: 'ARGS with the fine-tuned language model; language models that PPO and DPO trained, decoded greedily.',
      runs: all([run('chat-lm', 'greedy'), run('chat-lm', 'args'), run('ppo-lm', 'greedy'), run('dpo-lm', 'greedy')]),
      left: left('ppo-lm', 'dpo-lm'),
    },
    {
      name: 'sizes',
      title: 'Sizes of language model and reward model (Figure 3)',
      about:
        'Rewards of different models are on different scales: those of another than the first are left out, the judge compares all.',
      runs: all(sizes),
      left: left('small-lm', 'small-rm'),
    },
  ]
}

/** Lists each run once, grouped by models, so that these are loaded once. */
export function runsOf(all: readonly Comparison[]): (readonly ReproducedRun[])[] {
  const byName = new Map(all.flatMap(({ runs }) => runs).map((run) => [runName(run), run]))
  const groups = new Map<string, ReproducedRun[]>()
  for (const run of byName.values()) {
    const models = `${run.lm}/${run.reward}`
    groups.set(models, [...(groups.get(models) ?? []), run])
  }
  return [...groups.values()]
}
