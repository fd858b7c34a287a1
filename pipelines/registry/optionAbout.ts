/** What the options of decoders and searches do, by name. The command line and the playground show these lines. */
export const optionAbout: Readonly<Record<string, string>> = {
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
  p: 'probability mass of the tokens to keep; contrastive-decoding: minimum probability as a share of the likeliest token',
  alpha:
    'contrastive: weight of the similarity to the context, against probability; cards: weight of the reward threshold in the first threshold, against the reward of the prompt',
  scale: 'strength of the guidance by further language models or by the prompt',
}
