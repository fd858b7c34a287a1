import type { BoundSearch } from '../../../pipelines/decoding/decode.js'
import type { Registry } from '../../../pipelines/registry/registry.js'
import { searches } from '../../../pipelines/registry/searchRegistry.js'
import type { DecoderModels } from '../../core/step.js'

type Bound = Pick<BoundSearch, 'spec' | 'entry'>

/** The largest `k` among the steps of a decoder or the options of a search; 0 without any. */
export function largestK({ spec, entry }: Bound): number {
  const options = [...(spec?.steps.map((step) => Object.values(step)[0]) ?? []), entry?.options]
  return Math.max(0, ...options.map((each) => Number((each as Readonly<{ k?: unknown }> | null | undefined)?.k ?? 0)))
}

/** Tells whether a reward other than a language model's log-probabilities scores the candidates of each step. */
export function scoresCandidates({ spec, entry }: Bound, { rewards }: DecoderModels, { operators }: Registry): boolean {
  if ([...rewards.values()].every(({ unit }) => unit === 'logprob')) return false
  if (entry) return searches[entry.name]?.needsReward ?? false
  const names = spec?.steps.flatMap((step) => Object.keys(step)) ?? []
  return names.some((name) => Object.values(operators[name]?.models ?? {}).includes('reward'))
}
