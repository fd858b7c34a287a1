import * as z from 'zod'
import { searches } from '../../pipelines/registry/searchRegistry.js'
import { rewardFunctions } from '../../pipelines/rewards/rewardByName.js'
import type { Service } from './replies/service.js'
import { requestFunctions } from './requests/rxargsFields.js'

const schemaOf = (options: z.ZodObject) => {
  const { $schema: _, ...schema } = z.toJSONSchema(options, { io: 'input', unrepresentable: 'any' })
  return schema
}

/** The answer of GET /v1/models: the model, and under `rxargs` what requests can ask of it. */
export function modelList(service: Service) {
  const { name, registry, replies, limits, decoderName, maxNewTokens } = service
  const entries = { ...searches, ...registry.decoders }
  const kindOf = (decoder: string) => (Object.hasOwn(registry.decoders, decoder) ? 'decoder' : 'search')
  return {
    object: 'list',
    data: [
      {
        ...{ id: name, object: 'model', created: 0, owned_by: 'rxargs' },
        rxargs: {
          decoder: decoderName,
          decoders: Object.entries(entries).map(([decoder, { about, options, needsReward }]) => ({
            ...{ name: decoder, kind: kindOf(decoder), about, needs_reward: needsReward, options: schemaOf(options) },
          })),
          rewards: [...replies.scheduled.rewards.values()].map(({ name: reward, unit = 'reward', members }) => ({
            ...{ name: reward, unit },
            ...(members && { members }),
          })),
          reward_functions: requestFunctions.map((one) => ({ name: one, options: schemaOf(rewardFunctions[one]!.options) })),
          context_length: replies.contextLength,
          max_tokens: maxNewTokens,
          limits: { n: limits.maxN, prompts: limits.maxPrompts, logprobs: limits.maxLogprobs, candidates: limits.maxCandidates },
        },
      },
    ],
  }
}
