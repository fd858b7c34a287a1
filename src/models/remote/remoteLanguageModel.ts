import * as z from 'zod'
import type { BatchedLanguageModel, LogitsCall } from '../../core/batched.js'
import { freeTurns, measuredTurns } from '../../core/batching.js'
import { ModelLostError, OptionError, RemoteError } from '../../core/errors.js'
import type { Logits, TextCodec } from '../../core/model.js'
import { parseOptions } from '../../core/parseOptions.js'
import type { Source } from '../../core/rewardSource.js'
import type { Sequence } from '../../core/sequence.js'
import { readTokenizerFolder } from '../checkpoint/tokenizer/readTokenizerFolder.js'
import { modelFolder } from '../modelFolder.js'
import { endpointOf } from './chatCompletions.js'
import { circuitBreaker } from './circuitBreaker.js'
import { redactAddress } from './httpAddress.js'
import { type MergedCall, mergedCalls } from './mergedCalls.js'
import { postJson } from './postJson.js'
import { type RemoteWorld, type RequestOptions, requestOptions } from './remoteOptions.js'
import { tokenIdsJson } from './tokenIdsJson.js'
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
const [OPEN, CLOSE, COMMA] = ['[', ']', ','].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer]
/** Most requests at the same time: several, so that prompts wait little for each other; few, because each takes processor time on both sides. */
const CONCURRENCY = 8
/**
 * All steps go in one request only if that is a tenth faster. It is twice as fast with a server that computes one request at a time. Elsewhere several are
 * faster, but by a tenth only, which a load on this machine can hide. A window is one step, because the first windows have one request.
 */
const GAIN = 0.9
const WINDOW = 1

/**
 * A step of one sequence. `prompt` is its JSON text in pieces. A request holds steps of one `kind`: equal `need`, and first steps go separately, because
 * the server reads whole prompts for them.
 */
type Step = Readonly<{ prompt: readonly Buffer[]; tokens: number; need: number; isFirst: boolean; kind: string }>

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
  const idsOf = tokenIdsJson()
  /** Calls of each sequence by its key, from the first step to the release: the last one, and others that are still open. */
  const running = new Map<object, readonly MergedCall<Logits>[]>()

  const send = async (steps: readonly Step[], signal: AbortSignal, isAlone: boolean): Promise<(Logits | RemoteError)[]> => {
    const { need } = steps[0]!
    const prompts = steps.flatMap(({ prompt }, index) => (index === 0 ? prompt : [COMMA, ...prompt]))
    const settings = JSON.stringify({ model, max_tokens: 1, temperature: 0, logprobs: need, return_tokens_as_token_ids: true })
    const [open, close] = isAlone ? ['', ''] : ['[', ']']
    const body = Buffer.concat([Buffer.from(`${settings.slice(0, -1)},"prompt":${open}`), ...prompts, Buffer.from(`${close}}`)])
    const read = (answer: unknown): (Logits | RemoteError)[] => {
      if (form === 'text') checkPromptTokens(answer, steps, server)
      return choicesIn(answer, steps.length, server).map((choice) => resultOrError(() => topLogprobs(choice, need, reading)))
    }
    return post(body, read, signal, { isSplittable: !isAlone })
  }
  const measured = () =>
    measuredTurns({
      running: () => running.size,
      now: () => performance.now(),
      later: (wake, milliseconds) => setTimeout(wake, milliseconds),
      ...{ window: WINDOW, most: CONCURRENCY, gain: GAIN },
    })
  let turns = measured()
  const ask = mergedCalls(send, {
    ...{ maxBatch: MAX_BATCH, concurrency: CONCURRENCY, concurrencyAlone: MAX_BATCH },
    kindOf: ({ kind }) => kind,
    // More sequences than a request holds cannot go as one group: its requests would wait for each other.
    turnsOf: ({ isFirst }) => (isFirst || running.size > MAX_BATCH ? freeTurns : turns),
    ...(onRequest && { onRequest }),
  })

  const promptOf = (sequence: Sequence): readonly Buffer[] =>
    form === 'ids'
      ? [OPEN, idsOf(sequence), CLOSE]
      : [Buffer.from(JSON.stringify(textPrompt([...sequence.promptTokenIds, ...sequence.tokenIds], codec, server)))]
  const explained = (error: unknown): unknown => {
    if (!(error instanceof RemoteError)) return error
    if (error.isHopeless) return new ModelLostError(`Language model: ${error.message}`, { cause: error })
    if (form === 'text' || !/ 422 |string/.test(error.message)) return error
    const hint = 'If the server takes only text prompts, use `--lm-prompt text`'
    return new RemoteError(`${error.message}. ${hint}`, false, 'refusal')
  }
  const logits = async ({ sequence, need }: LogitsCall): Promise<Logits> => {
    if (need === 'all') throw new OptionError(`${server}: expected a step that reads the top ${maxTop} tokens at most, got all`)
    const { key, promptTokenIds, tokenIds } = sequence
    const known = running.get(key)
    const tokens = promptTokenIds.length + tokenIds.length
    const isFirst = known === undefined
    // Another run may have another decoder and other prompts.
    if (isFirst && running.size === 0) turns = measured()
    const step = { prompt: promptOf(sequence), tokens, need, isFirst, kind: `${need} ${isFirst}` }
    const call = ask([step])
    running.set(key, [...(known ?? []).filter(({ isOpen }) => isOpen()), call])
    try {
      const [result] = await call.results
      return result!
    } catch (error) {
      throw explained(error)
    }
  }
  const stop = (key: object): void => {
    for (const { leave } of running.get(key) ?? []) leave(new DOMException('The sequence was released', 'AbortError'))
    running.delete(key)
  }
  return {
    source: {
      capabilities: { all: false, maxTop: Math.min(maxTop, vocabSize), hiddenStates: false, unit: 'logprob' },
      ...{ codec, contextLength, endTokenIds, stopStrings },
      maxBatch: MAX_BATCH,
      sideBySide: true,
      run: (calls) => Promise.all(calls.map(logits)),
      release: stop,
    },
    origin: { path: redactAddress(url), model },
    close: async () => {
      for (const key of running.keys()) stop(key)
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
