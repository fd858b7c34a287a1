import * as z from 'zod'
import type { BatchedLanguageModel, LogitsCall } from '../../core/batched.js'
import { ModelLostError, OptionError, RemoteError } from '../../core/errors.js'
import type { Logits, TextCodec } from '../../core/model.js'
import { parseOptions } from '../../core/parseOptions.js'
import type { Source } from '../../core/rewardSource.js'
import { readTokenizerFolder } from '../checkpoint/tokenizer/readTokenizerFolder.js'
import { modelFolder } from '../modelFolder.js'
import { endpointOf } from './chatCompletions.js'
import { circuitBreaker } from './circuitBreaker.js'
import { redactAddress } from './httpAddress.js'
import { mergedCalls } from './mergedCalls.js'
import { postJson } from './postJson.js'
import { type RemoteWorld, type RequestOptions, requestOptions } from './remoteOptions.js'
import { choicesIn, tokenIdOf, topLogprobs } from './topLogprobs.js'

export const promptForms = ['ids', 'text'] as const

export const remoteLmOptions = z.strictObject({
  url: z.string().describe('an http(s) address'),
  model: z.string().min(1).describe("the server's name of the model"),
  tokenizer: z.string().min(1).describe("the folder of the model's tokenizer"),
  maxTop: z.int().min(1).default(20).describe('an integer >= 1'),
  prompt: z.enum(promptForms).default('ids').describe(promptForms.join(' or ')),
  ...requestOptions,
})

/**
 * A language model behind an OpenAI-compatible completions endpoint, such as `http://127.0.0.1:8000/v1` of vLLM. `maxTop` is vLLM's
 * `--max-logprobs`. llama-cpp-python's server needs `prompt: 'text'`.
 */
export type RemoteLm = RequestOptions &
  Readonly<{
    /** Address of the server, such as `http://127.0.0.1:8000/v1`. */
    url: string
    /** The server's name of the model. */
    model: string
    /** Folder with the model's tokenizer, `config.json` and `generation_config.json`. */
    tokenizer: string
    /** Most top tokens that the server returns (20). */
    maxTop?: number | undefined
    /** Sends prompts as token ids (default) or as text. */
    prompt?: (typeof promptForms)[number] | undefined
  }>

export type RemoteLanguageModel = Readonly<{ source: BatchedLanguageModel; origin: Source; close: () => Promise<void> }>

/** Most prompts in a request. */
const MAX_BATCH = 64
/** Most requests at the same time: several, so that prompts wait little for each other; few, so that they share the next request. */
const CONCURRENCY = 4

/** A step of one sequence. A request holds steps of equal `need`. First steps go separately, because the server reads whole prompts for them. */
type Step = Readonly<{ prompt: readonly number[] | string; tokens: number; need: number; isFirst: boolean }>

/**
 * Connects to a language model behind HTTP. Calls that wait together share a request if the server takes a list of prompts; the first requests
 * find this out. Each call requests one more token with its top alternatives and their log-probabilities (the
 * model's own distribution, at temperature 1). With `prompt: 'text'`, the text must encode to the same token ids again. The key comes from
 * the environment variable `RXARGS_LM_API_KEY`.
 *
 * - errors of its calls: `RemoteError`, which fails the prompt; `ModelLostError` if no request can succeed
 *
 * @throws ModelError if the tokenizer's folder cannot be used
 * @throws OptionError for an invalid option
 * @throws RemoteError for an invalid address, or one with a user or password
 */
export async function remoteLanguageModel(
  given: RemoteLm,
  { environment = process.env, sleep, now, onRequest }: RemoteWorld = {},
): Promise<RemoteLanguageModel> {
  const { url, model, tokenizer, maxTop, prompt: form, failures, pauseMs, ...options } = parseOptions(remoteLmOptions, given)
  const endpoint = endpointOf(url, '/completions')
  const server = redactAddress(endpoint)
  const { codec, contextLength, endTokenIds, stopStrings, vocabSize } = await readTokenizerFolder(await modelFolder(tokenizer))
  const key = environment.RXARGS_LM_API_KEY
  const breaker = circuitBreaker({ failures, pauseMs, ...(now && { now }) })
  const post = postJson(endpoint, { ...options, breaker, ...(key && { key }), ...(sleep && { sleep }) })
  const reading = { server, vocabSize, idOf: tokenIdOf(codec, server) }
  const running = new Map<object, AbortController>()
  const begun = new WeakSet<object>()

  const send = async (steps: readonly Step[], signal: AbortSignal, isAlone: boolean): Promise<(Logits | RemoteError)[]> => {
    const prompts = steps.map(({ prompt }) => prompt)
    const { need } = steps[0]!
    const body = {
      ...{ model, prompt: isAlone ? prompts[0] : prompts },
      ...{ max_tokens: 1, temperature: 0, logprobs: need, return_tokens_as_token_ids: true },
    }
    const read = (answer: unknown): (Logits | RemoteError)[] => {
      if (form === 'text') checkPromptTokens(answer, steps, server)
      return choicesIn(answer, steps.length, server).map((choice) => resultOrError(() => topLogprobs(choice, need, reading)))
    }
    return post(body, read, signal, { isSplittable: !isAlone })
  }
  const ask = mergedCalls(send, {
    ...{ maxBatch: MAX_BATCH, concurrency: CONCURRENCY, concurrencyAlone: MAX_BATCH },
    kindOf: ({ need, isFirst }) => `${need} ${isFirst}`,
    ...(onRequest && { onRequest }),
  })

  const logits = async ({ sequence, need }: LogitsCall): Promise<Logits> => {
    if (need === 'all') throw new OptionError(`${server}: expected a step that reads the top ${maxTop} tokens at most, got all`)
    const ids = [...sequence.promptTokenIds, ...sequence.tokenIds]
    const prompt = form === 'text' ? textPrompt(ids, codec, server) : ids
    const controller = new AbortController()
    running.set(sequence.key, controller)
    const isFirst = !begun.has(sequence.key)
    begun.add(sequence.key)
    try {
      const [result] = await ask([{ prompt, tokens: ids.length, need, isFirst }], controller.signal)
      return result!
    } catch (error) {
      if (error instanceof RemoteError && error.isHopeless)
        throw new ModelLostError(`Language model: ${error.message}`, { cause: error })
      if (form === 'ids' && error instanceof RemoteError && / 422 |string/.test(error.message))
        throw new RemoteError(
          `${error.message}. If the server takes only text prompts, use \`--lm-prompt text\``,
          false,
          'refusal',
        )
      throw error
    } finally {
      if (running.get(sequence.key) === controller) running.delete(sequence.key)
    }
  }
  return {
    source: {
      capabilities: { all: false, maxTop: Math.min(maxTop, vocabSize), hiddenStates: false, unit: 'logprob' },
      ...{ codec, contextLength, endTokenIds, stopStrings },
      maxBatch: MAX_BATCH,
      sideBySide: true,
      run: (calls) => Promise.all(calls.map(logits)),
      release: (sequence) => running.get(sequence)?.abort(),
    },
    origin: { path: redactAddress(url), model },
    close: async () => {
      for (const controller of running.values()) controller.abort()
    },
  }
}

/** Returns an error of one choice. Thrown, it would fail the whole request. */
function resultOrError(read: () => Logits): Logits | RemoteError {
  try {
    return read()
  } catch (error) {
    if (error instanceof RemoteError) return error
    throw error
  }
}

/**
 * Decodes token ids, special tokens included, for a server that takes only text.
 *
 * @param server for messages
 * @throws RemoteError if the text encodes to other ids: a character is incomplete, or the tokenizer splits the text differently
 */
function textPrompt(tokenIds: readonly number[], codec: TextCodec, server: string): string {
  const text = codec.decode(tokenIds, false)
  const again = codec.encode(text, false)
  const other = tokenIds.findIndex((id, index) => again[index] !== id)
  if (other === -1 && again.length === tokenIds.length) return text
  const place = other === -1 ? tokenIds.length : other
  throw new RemoteError(
    `${server}: expected the prompt's text to encode to the same token ids (\`--lm-prompt text\`), got ${again[place] ?? 'no token'} for ${tokenIds[place] ?? 'no token'} at token ${place}`,
  )
}

/**
 * Compares the server's count of prompt tokens (`usage.prompt_tokens`, of all prompts together), if it sends one, with ours.
 *
 * @throws RemoteError if they differ: the server adds a token of its own, or has another tokenizer
 */
function checkPromptTokens(answer: unknown, steps: readonly Step[], server: string): void {
  const expected = steps.reduce((sum, { tokens }) => sum + tokens, 0)
  const { usage } = (answer ?? {}) as { usage?: { prompt_tokens?: unknown } | null }
  const got = usage?.prompt_tokens
  if (typeof got === 'number' && got !== expected)
    throw new RemoteError(
      `${server}: expected ${expected} tokens in the prompt, got ${got}. The server adds special tokens or uses another tokenizer`,
    )
}
