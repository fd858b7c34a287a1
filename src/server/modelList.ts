import * as z from 'zod'
import { optionAbout } from '../../pipelines/registry/optionAbout.js'
import { decoderByName } from '../../pipelines/registry/registry.js'
import { searchByName, searches } from '../../pipelines/registry/searchRegistry.js'
import { rewardFunctions } from '../../pipelines/rewards/rewardByName.js'
import { OptionError } from '../core/errors.js'
import type { DecoderModels } from '../core/step.js'
import { requestRewards } from './replies/requestRewards.js'
import type { Service } from './replies/service.js'
import { requestFunctions } from './requests/rxargsFields.js'

/** The schema of options. Beside what an option may be (`description`), `about` says what it does. */
const schemaOf = (options: z.ZodObject, aboutOf: (option: string) => string | undefined = () => undefined) => {
  const { $schema: _, ...schema } = z.toJSONSchema(options, { io: 'input', unrepresentable: 'any' })
  const properties = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const about = aboutOf(name)
    return [name, typeof property === 'object' && about !== undefined ? { ...property, about } : property]
  })
  return { ...schema, properties: Object.fromEntries(properties) as Readonly<Record<string, unknown>> }
}

/**
 * Why no request can run a decoder or search here, such as a language model that the server has not loaded. Undefined if one can: with all
 * rewards of the server, with one of them, or with a function where the server has none.
 */
function lackOf({ replies, registry }: Service, name: string, rewardChoices: readonly DecoderModels[]): string | undefined {
  const made = Object.hasOwn(registry.decoders, name) ? decoderByName(name, {}, registry) : searchByName(name)
  const lacks = rewardChoices.map((models) => {
    try {
      replies.bind(made, models)
      return undefined
    } catch (error) {
      if (error instanceof OptionError) return error.message
      throw error
    }
  })
  return lacks.includes(undefined) ? undefined : lacks[0]
}

function rewardChoicesOf(service: Service): readonly DecoderModels[] {
  const names = [...service.replies.scheduled.rewards.keys()]
  const choices =
    names.length > 0
      ? [names, ...names.map((one) => [one])]
      : [[{ name: 'length', function: 'length' as const, options: { target: 1 } }]]
  return choices.map((rewards) => requestRewards(service, rewards))
}

/** The answer of GET /v1/models: the model, and under `rxargs` what requests can ask of it. */
export function modelList(service: Service) {
  const { name, registry, replies, limits, decoderName, maxNewTokens } = service
  const entries = { ...searches, ...registry.decoders }
  const kindOf = (decoder: string) => (Object.hasOwn(registry.decoders, decoder) ? 'decoder' : 'search')
  const rewardChoices = rewardChoicesOf(service)
  const lacks = Object.fromEntries(Object.keys(entries).map((decoder) => [decoder, lackOf(service, decoder, rewardChoices)]))
  return {
    object: 'list',
    data: [
      {
        ...{ id: name, object: 'model', created: 0, owned_by: 'rxargs' },
        rxargs: {
          decoder: decoderName,
          decoders: Object.entries(entries).map(([decoder, { about, options, needsReward }]) => ({
            ...{
              name: decoder,
              kind: kindOf(decoder),
              about,
              needs_reward: needsReward,
              options: schemaOf(options, (option) => optionAbout(option, decoder)),
            },
            ...(lacks[decoder] !== undefined && { unavailable: lacks[decoder] }),
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
