type Json = Readonly<Record<string, unknown>>

/** What config.json says about a reward head. */
export type HeadSettings = Readonly<{
  /** The reward is `(value - mean) / std`. */
  rewardNorm?: Readonly<{ mean: number; std: number }>
  /** A key that only the config of a reward model has. */
  rewardKey?: string
  /** The prefix of the head's tensors, if the config names it. */
  headPath?: string
  /** Why the reward cannot be computed as the config asks. A language model ignores it. */
  rewardProblem?: string
}>

/**
 * Class names of published reward models that wrap a body of a known family: GRM, OpenRLHF (old and new), UltraRM, Eurus-RM, safe-rlhf's
 * Beaver, Qwen2.5-Math-RM and INF-ORM. `model_type` in config.json names the family, and the tensors show the head.
 */
export const rewardClasses: ReadonlySet<string> = new Set([
  'GRewardModel',
  'LLMForSequenceRegression',
  'RewardModel',
  'LlamaRewardModel',
  'EurusRewardModel',
  'LlamaForScore',
  'LlamaModelForScore',
  'Qwen2ForRewardModel',
  'INFORMForSequenceClassification',
])

const REWARD_KEYS = /^(vhead_.+|value_head_prefix|normalize_reward|score_dim|score_type|num_objectives)$/

const AUTO_CLASSES = ['AutoModelForSequenceClassification', 'AutoModelForTokenClassification']

/**
 * Reads what config.json says about a head besides its architecture.
 *
 * @see OpenRLHF openrlhf/models/model.py (`normalize_reward`, `mean`, `std`, `value_head_prefix`); safe-rlhf
 * safe_rlhf/models/normalizer.py (`do_normalize`)
 */
export function headSettings(json: Json, file: string): HeadSettings {
  const classes = typeof json.auto_map === 'object' && json.auto_map !== null ? Object.keys(json.auto_map) : []
  const auto = AUTO_CLASSES.find((name) => classes.includes(name))
  const rewardKey = auto === undefined ? Object.keys(json).find((key) => REWARD_KEYS.test(key)) : `auto_map.${auto}`
  const { value_head_prefix: headPath } = json
  return {
    ...(rewardKey !== undefined && { rewardKey }),
    ...(typeof headPath === 'string' && { headPath }),
    ...normOf(json, file),
  }
}

function normOf(
  { do_normalize: byStatistics, normalize_reward: byConfig, mean, std }: Json,
  file: string,
): Pick<HeadSettings, 'rewardNorm' | 'rewardProblem'> {
  if (byStatistics === true)
    return {
      rewardProblem: `Expected \`do_normalize\` in ${file} to be false (normalization by running statistics is not supported)`,
    }
  if (byConfig !== true) return {}
  const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
  if (isNumber(mean) && isNumber(std) && std > 0) return { rewardNorm: { mean, std } }
  const got = `${JSON.stringify(mean ?? null)} and ${JSON.stringify(std ?? null)}`
  return {
    rewardProblem: `Expected \`mean\` and \`std\` > 0 as numbers in ${file}, because \`normalize_reward\` is true, got ${got}`,
  }
}
