import type { LanguageModel, Need, Reward } from '../../../src/core/model.js'
import type { Decoder, DecoderModels, DecoderSpec } from '../../../src/core/step.js'
import type { BoundSearch, Search } from '../../decoding/decode.js'

/** Stand-in name of the first reward and the language model; it is left out of the spec. */
const FIRST = '(the first)'

const reward = (name: string): Reward => ({ name, unit: 'logprob', score: () => [], value: () => [] })

const languageModel = (name: string): LanguageModel => ({
  name,
  capabilities: { all: true, maxTop: Number.POSITIVE_INFINITY, hiddenStates: true, unit: 'logit' },
  codec: {
    encode: (text) => Array.from(text, (char) => char.codePointAt(0)!),
    decode: (tokenIds) => String.fromCodePoint(...tokenIds),
    render: () => '',
    vocabSize: Number.POSITIVE_INFINITY,
    fingerprint: '',
  },
  endTokenIds: [],
  logits: () => [],
  hiddenStates: () => [],
  release: () => {},
})

/** Makes a map that has every name. */
const byAnyName = <T>(make: (name: string) => T): ReadonlyMap<string, T> =>
  Object.assign(new Map<string, T>(), { get: make, has: () => true })

const standIns: DecoderModels = {
  lm: languageModel(FIRST),
  lms: byAnyName(languageModel),
  reward: reward(FIRST),
  rewards: byAnyName(reward),
}

/** Returns spec and need of a decoder without models. A reward without a name is the first one, as in data. */
export function specOf(decoder: Decoder): Readonly<{ spec: DecoderSpec; need: Need }> {
  const { spec = { steps: [{ custom: {} }] }, need = 'all' } = decoder(standIns)
  return { need, spec: { ...spec, steps: spec.steps.map((step) => withoutFirst(step) as typeof step) } }
}

/** Binds a search to stand-ins for models, for its name, options and need. */
export const boundWithoutModels = ({ search }: Search): BoundSearch => search(standIns)

const withoutFirst = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(
        Object.entries(value)
          .filter(([, inner]) => inner !== FIRST && inner !== undefined)
          .map(([key, inner]) => [key, withoutFirst(inner)]),
      )
    : value
