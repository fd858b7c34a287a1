/** For options that do one thing in some decoders and another in the others. */
const OTHERS = ''

/** What an option does: in all decoders and searches, or by their names. */
const abouts: Readonly<Record<string, string | Readonly<Record<string, string>>>> = {
  k: 'candidates per step',
  weight: 'weight of the reward: score = logit + weight * reward; for several rewards by name: safe=1,short=0.5',
  temperature: 'divide scores by this before sampling',
  reach: 'skip candidates that could not win with a reward this many standard deviations above those so far',
  n: 'replies or blocks to sample; the best one is kept',
  blockTokens: 'tokens per block',
  rolloutTokens: 'greedy tokens to add to a candidate before its reward is computed',
  entropyThreshold: 'end a segment when the entropy of the next token, in nats, reaches this value',
  rewardThreshold: 'always accept a segment with at least this reward; depends on the reward model',
  beta: 'softness of acceptance: exp((reward - threshold) / beta)',
  rampTokens: 'tokens over which the threshold rises to the reward threshold',
  proposals: 'maximum segments to sample before the best one is taken',
  beams: 'sequences to keep',
  lengthPenalty: 'divide sums of log-probabilities by the length to this power',
  p: {
    [OTHERS]: 'probability mass of the tokens to keep',
    'contrastive-decoding': 'minimum probability as a share of the likeliest token',
  },
  alpha: {
    contrastive: 'weight of the similarity to the context, against probability',
    cards: 'weight of the reward threshold in the first threshold, against the reward of the prompt',
  },
  scale: 'strength of the guidance by further language models or by the prompt',
}

/**
 * What an option of a decoder or search does, in a line. The command line and the playground show these lines.
 *
 * @param of the decoder's name; without one, what it does in each of them
 * @returns undefined for an option of somebody else's decoder
 */
export function optionAbout(option: string, of?: string): string | undefined {
  const about = Object.hasOwn(abouts, option) ? abouts[option]! : undefined
  if (typeof about !== 'object') return about
  if (of !== undefined) return about[of] ?? about[OTHERS]
  return Object.entries(about)
    .map(([name, text]) => (name === OTHERS ? text : `${name}: ${text}`))
    .join('; ')
}
