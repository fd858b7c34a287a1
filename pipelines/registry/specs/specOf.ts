import type { LanguageModel, Need, Reward } from '../../../src/core/model.js'
import type { Decoder, DecoderModels, DecoderSpec } from '../../../src/core/step.js'
import type { BoundSearch, Search } from '../../decoding/decode.js'

/** A name that no model has: what is said of the first reward, and of the language model itself, stays unsaid. */
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

/** Whatever is asked for is there. */
const byAnyName = <T>(make: (name: string) => T): ReadonlyMap<string, T> =>
  Object.assign(new Map<string, T>(), { get: make, has: () => true })

const standIns: DecoderModels = {
  lm: languageModel(FIRST),
  lms: byAnyName(languageModel),
  reward: reward(FIRST),
  rewards: byAnyName(reward),
}

/** The spec of a decoder that has no models yet, and its need. A reward that is not named is the first one, as in data. */
export function specOf(decoder: Decoder): Readonly<{ spec: DecoderSpec; need: Need }> {
  const { spec = { steps: [{ custom: {} }] }, need = 'all' } = decoder(standIns)
  return { need, spec: { ...spec, steps: spec.steps.map((step) => withoutFirst(step) as typeof step) } }
}

/** A search that has stand-ins for models: under its name, with all its options, and its need. */
export const boundWithoutModels = ({ search }: Search): BoundSearch => search(standIns)

const withoutFirst = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(
        Object.entries(value)
          .filter(([, inner]) => inner !== FIRST && inner !== undefined)
          .map(([key, inner]) => [key, withoutFirst(inner)]),
      )
    : value
