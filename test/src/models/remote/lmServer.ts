import { logSumExp, topIndices } from '../../../../src/core/math.js'
import { batchedLanguageModel } from '../../../../src/models/batchedModels.js'
import { loadModel } from '../../../../src/models/loadModel.js'
import { sequenceOf } from '../../../fakes.js'
import { type Behaviour, jsonServer } from './jsonServer.js'

export type CompletionBody = Readonly<{ model: string; prompt: number[] | number[][]; max_tokens: number; logprobs: number }>

/** The prompts of a request, which may be one list of ids. */
export const promptsOf = ({ prompt }: CompletionBody): number[][] =>
  typeof prompt[0] === 'number' ? [prompt as number[]] : (prompt as number[][])

/** How the likeliest tokens are written: by id in a text (vLLM), in a list with ids (llama.cpp's server), or by their text (OpenAI). */
export type Form = 'token_id' | 'list' | 'text'

/** A completions endpoint over a model of this process. It takes one prompt or a list. `form` and `instead` may be changed between requests. */
export async function lmServer(path: string) {
  const loaded = await loadModel(path, { head: 'lm', role: 'lm', threads: 1 })
  const model = batchedLanguageModel(loaded, 64)
  const settings: { form: Form; instead: (body: CompletionBody, number: number) => Behaviour | undefined } = {
    form: 'token_id',
    instead: () => undefined,
  }
  const logprobsOf = (tokenIds: readonly number[], values: readonly number[]) => {
    const text = (id: number): string => (settings.form === 'token_id' ? `token_id:${id}` : model.codec.decode([id], false))
    if (settings.form !== 'list')
      return { top_logprobs: [Object.fromEntries(tokenIds.map((id, index) => [text(id), values[index]]))] }
    return { content: [{ top_logprobs: tokenIds.map((id, index) => ({ id, token: text(id), logprob: values[index] })) }] }
  }
  const server = await jsonServer<CompletionBody>(async ({ body }, number) => {
    const bad = settings.instead(body, number)
    if (bad) return bad
    const choice = async (promptTokenIds: number[], index: number) => {
      const sequence = sequenceOf('', '', { key: {}, promptTokenIds, tokenIds: [] })
      const [all] = await model.run([{ sequence, need: 'all' }])
      model.release(sequence.key)
      const best = [...topIndices(all!.values, body.logprobs)]
      const total = logSumExp(all!.values)
      const logprobs = logprobsOf(
        best,
        best.map((id) => all!.values[id]! - total),
      )
      return { index, text: '', logprobs, finish_reason: 'length' }
    }
    const choices = []
    for (const [index, prompt] of promptsOf(body).entries()) choices.push(await choice(prompt, index))
    return { body: JSON.stringify({ choices: choices.toReversed() }) }
  })
  return {
    ...server,
    url: `${server.url}/v1`,
    settings,
    close: async () => {
      await server.close()
      await loaded.worker.close()
    },
  }
}
export type LmServer = Awaited<ReturnType<typeof lmServer>>
