import * as z from 'zod'

const number = z.number().nullable()
const numbers = z.record(z.string(), number)
const candidate = z.strictObject({ id: z.int(), text: z.string(), logit: number, score: number, rewards: numbers })
const token = candidate.extend({ candidates: z.array(candidate).optional(), chosen: z.int().optional() })

/** Our own fields of a finished choice. */
const rxargs = z.strictObject({
  rewards: numbers,
  seed: z.int(),
  error: z.string().optional(),
  tokens: z.array(token).optional(),
})

const usage = z.strictObject({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() })
const finish_reason = z.enum(['stop', 'length'])
const head = { id: z.string(), created: z.int(), model: z.string() }

const textLogprobs = z.strictObject({
  tokens: z.array(z.string()),
  token_logprobs: z.array(number),
  top_logprobs: z.array(numbers),
  text_offset: z.array(z.int()),
})
const completion = z.strictObject({
  ...head,
  object: z.literal('text_completion'),
  choices: z.array(
    z.strictObject({ index: z.int(), text: z.string(), logprobs: textLogprobs.nullable(), finish_reason, rxargs }),
  ),
  usage,
})

const chatToken = z.strictObject({ token: z.string(), logprob: number, bytes: z.array(z.int()), id: z.int() })
const chatCompletion = z.strictObject({
  ...head,
  object: z.literal('chat.completion'),
  choices: z.array(
    z.strictObject({
      ...{ index: z.int(), finish_reason, rxargs },
      message: z.strictObject({ role: z.literal('assistant'), content: z.string(), refusal: z.null() }),
      logprobs: z
        .strictObject({ content: z.array(chatToken.extend({ top_logprobs: z.array(chatToken) })), refusal: z.null() })
        .nullable(),
    }),
  ),
  usage,
})

const list = { ...head, object: z.literal('list') }

/** Schemas of the answers, by their names in the description of the API. */
export const answers = {
  Completion: completion,
  ChatCompletion: chatCompletion,
  ScoreList: z.strictObject({
    ...list,
    data: z.array(z.strictObject({ index: z.int(), object: z.literal('score'), score: z.number() })),
  }),
  Classification: z.strictObject({
    ...list,
    data: z.array(z.strictObject({ index: z.int(), label: z.string(), probs: z.array(z.number()), num_classes: z.literal(1) })),
  }),
  ModelList: z.strictObject({
    object: z.literal('list'),
    data: z.array(
      z.strictObject({
        ...{ id: z.string(), object: z.literal('model'), created: z.int(), owned_by: z.string() },
        rxargs: z.looseObject({ decoder: z.string() }),
      }),
    ),
  }),
  Health: z.strictObject({ status: z.literal('ok') }),
  Ready: z.strictObject({ status: z.enum(['ready', 'draining', 'lost']) }),
  Error: z.strictObject({
    error: z.strictObject({
      ...{ message: z.string(), type: z.string() },
      ...{ param: z.string().nullable(), code: z.string().nullable() },
    }),
  }),
}
