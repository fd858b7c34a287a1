import * as z from 'zod'
import { ModelLostError, RemoteError } from '../../core/errors.js'
import { parseOptions } from '../../core/parseOptions.js'
import type { TextReward } from '../../core/rewardSource.js'
import { circuitBreaker } from './circuitBreaker.js'
import { httpAddress, redactAddress } from './httpAddress.js'
import { bodyOf, type JsonText, jsonTexts } from './jsonTexts.js'
import { mergedCalls } from './mergedCalls.js'
import { postJson } from './postJson.js'
import { type RemoteWorld, type RequestOptions, requestOptions } from './remoteOptions.js'
import { rewardsIn, shapeOf } from './rewardShapes.js'

export const remoteRewardOptions = z.strictObject({
  name: z.string().min(1).describe('a name'),
  url: z.string().describe('an http(s) address'),
  label: z.string().min(1).optional().describe('the label of a class'),
  maxBatch: z.int().min(1).optional().describe('an integer >= 1'),
  concurrency: z.int().min(1).optional().describe('an integer >= 1'),
  ...requestOptions,
})

/**
 * A reward behind HTTP. The path of the address chooses the protocol: `/classify` is vLLM's and `/predict` is TEI's. Any other path takes
 * `POST {"texts": […]}` and answers with a list of numbers.
 *
 * A request holds texts of several prompts.
 */
export type RemoteReward = RequestOptions &
  Readonly<{
    /** Name of the reward. */
    name: string
    /** Its http(s) address. The path chooses the protocol: `/classify` (vLLM), `/predict` (TEI) or any other. */
    url: string
    /** The class whose score is the reward: its name for TEI, its index for vLLM. */
    label?: string | undefined
    /** Most texts in a request (32; 1,024 for vLLM). */
    maxBatch?: number | undefined
    /** Most requests at the same time (8; 32 for TEI). */
    concurrency?: number | undefined
  }>

/**
 * Makes a server a text reward. The key comes from the environment variable `RXARGS_REWARD_API_KEY_NAME`, else from `RXARGS_REWARD_API_KEY`.
 *
 * - errors of its calls: `RemoteError`, which fails the prompt; `ModelLostError` if no request can succeed (wrong key, wrong address)
 *
 * @throws OptionError for an invalid option
 * @throws RemoteError for an invalid address, or one with a user or password
 */
export function remoteReward(
  given: RemoteReward,
  { environment = process.env, sleep, now, onRequest }: RemoteWorld = {},
): TextReward {
  const { name, url, label, failures, pauseMs, ...rest } = parseOptions(remoteRewardOptions, given)
  const address = httpAddress(url)
  const shape = shapeOf(address)
  const { maxBatch = shape.maxBatch, concurrency = shape.concurrency, ...options } = rest
  const key = remoteKey('RXARGS_REWARD_API_KEY', name, environment)
  const breaker = circuitBreaker({ failures, pauseMs, ...(now && { now }) })
  const post = postJson(address.href, { ...options, breaker, ...(key && { key }), ...(sleep && { sleep }) })
  const server = redactAddress(url)
  const call = mergedCalls<JsonText, number>(
    (texts, signal, isAlone) =>
      post(bodyOf(shape.frame, texts), (answer) => rewardsIn(answer, { shape, count: texts.length, label, server }), signal, {
        isSplittable: !isAlone,
      }),
    { maxBatch, concurrency, ...(onRequest && { onRequest }) },
  )
  return {
    name,
    kind: 'text',
    scoreTexts: async (texts, signal, replies) => {
      signal.throwIfAborted()
      const { results, leave } = call(jsonTexts(texts, replies))
      const left = (): void => leave(signal.reason)
      signal.addEventListener('abort', left, { once: true })
      try {
        return await results
      } catch (error) {
        if (error instanceof RemoteError && error.isHopeless)
          throw new ModelLostError(`Reward \`${name}\`: ${error.message}`, { cause: error })
        throw error
      } finally {
        signal.removeEventListener('abort', left)
      }
    },
    // Each request has its own time-out.
    timeoutMs: Number.POSITIVE_INFINITY,
    source: { path: server, ...(label !== undefined && { label }) },
  }
}

/**
 * Reads a server's key from the environment: `VARIABLE_NAME` for the model of that name, else `VARIABLE`. NAME is in upper case, with `_` for
 * each character that is neither a letter nor a digit.
 */
function remoteKey(
  variable: string,
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const own = environment[`${variable}_${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`]
  return own || environment[variable] || undefined
}
