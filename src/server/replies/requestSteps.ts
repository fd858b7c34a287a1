import type { DecoderSpec } from '../../core/step.js'
import { ApiError } from '../ApiError.js'
import type { ResponseFormat, SharedRequest } from '../requests/fields.js'

export type Steps = DecoderSpec['steps']

const schemaOf = (format: Exclude<ResponseFormat, { type: 'text' }>): Readonly<Record<string, unknown>> =>
  format.type === 'json_schema' ? format.json_schema.schema : { type: 'object' }

/** The operators that a request puts on the logits. The grammar comes last, so that nothing allows a token that it bans. */
export function processors(request: SharedRequest): Steps {
  const { logit_bias: bias, frequency_penalty: frequency, presence_penalty: presence, response_format: format } = request
  return [
    ...(bias && Object.keys(bias).length > 0 ? [{ logitBias: { bias } }] : []),
    ...(frequency ? [{ frequencyPenalty: { penalty: frequency } }] : []),
    ...(presence ? [{ presencePenalty: { penalty: presence } }] : []),
    ...(format && format.type !== 'text' ? [{ grammar: { jsonSchema: schemaOf(format) } }] : []),
  ]
}

/**
 * Applies `temperature`, then `top_p`.
 *
 * @throws ApiError for a decoder that chooses tokens by an operator of its own
 */
export function withSampling(steps: Steps, { temperature, top_p: p }: SharedRequest): Steps {
  const divided = temperature === undefined || temperature === null ? steps : withTemperature(steps, temperature)
  return p === undefined || p === null ? divided : withTopP(divided, p)
}

const has = (step: Steps[number], operator: string): boolean => Object.hasOwn(step, operator)

/** Changes options of an operator in all steps that have it. */
const changed = (steps: Steps, operator: string, options: object): Steps =>
  steps.map((step) => (has(step, operator) ? { [operator]: { ...(step[operator] as object | null), ...options } } : step))

/**
 * A temperature of 0 selects the best candidate, any other samples. A decoder of one candidate samples from the whole vocabulary then, as a plain
 * language model does.
 */
function withTemperature(steps: Steps, temperature: number): Steps {
  if (temperature && isGreedy(steps))
    return [...steps.slice(0, -2), { temperature: { temperature } }, { topP: { p: 1 } }, { sampleTemperature: {} }]
  if (temperature && steps.some((step) => has(step, 'temperature'))) return changed(steps, 'temperature', { temperature })
  checkChoice(steps, 'temperature')
  if (temperature === 0)
    return steps
      .filter((step) => !has(step, 'temperature'))
      .map((step) => (has(step, 'sampleTemperature') ? { selectGreedy: {} } : step))
  const samples = steps.map((step) => (has(step, 'selectGreedy') ? { sampleTemperature: {} } : step))
  return changed(samples, 'sampleTemperature', { temperature })
}

/** The last two steps of greedy decoding. */
const isGreedy = (steps: Steps): boolean => {
  const { topK } = (steps.at(-2) ?? {}) as { topK?: { k?: unknown } }
  return topK?.k === 1 && has(steps.at(-1)!, 'selectGreedy')
}

/** A decoder with a nucleus takes `p` there, any other where it samples. The best candidate is in every nucleus, so selecting it stays the same. */
function withTopP(steps: Steps, p: number): Steps {
  if (steps.some((step) => has(step, 'topP'))) return changed(steps, 'topP', { p })
  checkChoice(steps, 'top_p')
  return changed(steps, 'sampleTemperature', { p })
}

function checkChoice(steps: Steps, param: 'temperature' | 'top_p'): void {
  if (steps.some((step) => has(step, 'sampleTemperature') || has(step, 'selectGreedy'))) return
  const reason = 'The decoder does not choose by `sampleTemperature` or `selectGreedy`'
  throw new ApiError(400, `${reason}, so it takes no \`${param}\``, { param })
}
