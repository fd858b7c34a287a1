import * as z from 'zod'
import { ModelLostError, RemoteError } from '../../core/errors.js'
import { parseOptions } from '../../core/parseOptions.js'
import type { TextReward } from '../../core/rewardSource.js'
import { circuitBreaker } from './circuitBreaker.js'
import { httpAddress, saidAddress } from './httpAddress.js'
import { mergedCalls } from './mergedCalls.js'
import { postJson } from './postJson.js'
import { type RemoteWorld, type RequestOptions, requestOptions } from './remoteOptions.js'
import { rewardsIn, shapeOf } from './rewardShapes.js'

export const remoteRewardOptions = z.strictObject({
  name: z.string().min(1).describe('a name'),
  url: z.string().describe('an http(s) address'),
  label: z.string().min(1).optional().describe('the label of a class'),
  maxBatch: z.int().min(1).default(32).describe('an integer >= 1'),
  concurrency: z.int().min(1).default(8).describe('an integer >= 1'),
  ...requestOptions,
})

/**
 * A reward behind HTTP. The address's path says how it is asked: `/classify` as vLLM's, `/predict` as TEI's, any other by
 * `POST {"texts": […]}`, answered by a list of numbers. `label`: which class of several is the reward; vLLM's by index.
 *
 * `maxBatch` texts go in a request at most, those of several prompts together, and `concurrency` requests at the same time. Each may
 * take `timeoutMs` and is tried again `retries` times. After `failures` in a row that still failed, nothing is sent for `pauseMs`.
 */
export type RemoteReward = RequestOptions &
  Readonly<{
    /** Name of the reward. */
    name: string
    /** Its http(s) address. The path chooses the protocol: `/classify` (vLLM), `/predict` (TEI), any other. */
    url: string
    /** Which of several classes is the reward: its name for TEI, its index for vLLM. */
    label?: string | undefined
    /** Most texts of a request (32). */
    maxBatch?: number | undefined
    /** Most requests at once (8). */
    concurrency?: number | undefined
  }>

/**
 * A server's reward as one written over text. A key comes from the environment: `RXARGS_REWARD_API_KEY_NAME`, or
 * `RXARGS_REWARD_API_KEY`.
 *
 * - errors of its calls: `RemoteError`, which fails the prompt; `ModelLostError` where no request can do better (wrong key, wrong address)
 *
 * @throws OptionError for an option that may not be
 * @throws RemoteError for an address that is none, or holds a user or password
 */
export function remoteReward(given: RemoteReward, { environment = process.env, sleep, now }: RemoteWorld = {}): TextReward {
  const { name, url, label, maxBatch, concurrency, failures, pauseMs, ...options } = parseOptions(remoteRewardOptions, given)
  const address = httpAddress(url)
  const shape = shapeOf(address)
  const key = remoteKey('RXARGS_REWARD_API_KEY', name, environment)
  const breaker = circuitBreaker({ failures, pauseMs, ...(now && { now }) })
  const post = postJson(address.href, { ...options, breaker, ...(key && { key }), ...(sleep && { sleep }) })
  const server = saidAddress(url)
  const call = mergedCalls<string, number>(
    (texts, signal) =>
      post(shape.body(texts), (answer) => rewardsIn(answer, { shape, count: texts.length, label, server }), signal),
    { maxBatch, concurrency },
  )
  return {
    name,
    kind: 'text',
    scoreTexts: (texts, signal) =>
      call(texts, signal).catch((error: unknown) => {
        if (error instanceof RemoteError && error.isHopeless)
          throw new ModelLostError(`Reward \`${name}\`: ${error.message}`, { cause: error })
        throw error
      }),
    // Its requests have time-outs of their own.
    timeoutMs: 2 ** 31 - 1,
    source: { path: server, ...(label !== undefined && { label }) },
  }
}

/**
 * The key of a server, from the environment alone: of the model of that name (`VARIABLE_NAME`, upper case, `_` for what is no letter
 * or digit), else that of all.
 */
function remoteKey(
  variable: string,
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const own = environment[`${variable}_${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`]
  return own || environment[variable] || undefined
}
