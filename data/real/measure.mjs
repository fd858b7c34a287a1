/** Measures replies with the models, each reply once: what was measured is kept in a file. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { coherenceMeasure, perplexityMeasure, rewardMeasure } from '../../dist/pipelines/evaluation/measures.js'
import { diversity } from '../../dist/src/eval/diversity.js'
import { batchedLanguageModel } from '../../dist/src/models/batchedModels.js'
import { loadEncoder } from '../../dist/src/models/loadEncoder.js'
import { loadModel } from '../../dist/src/models/loadModel.js'
import { loadReward } from '../../dist/src/models/loadReward.js'

const MAX_BATCH = 32

/** What loads each measure. A reward model is an adapter on the language model. */
const openers = (table, { lm, adapters, threads, asked }) => {
  const reward = (name) => async () => {
    const { source, close } = await loadReward(
      { name, path: `${lm}+${adapters}/${table[name]}` },
      { threads, maxBatch: MAX_BATCH },
    )
    return { measure: rewardMeasure(source, { endToken: table.endToken }).measure, close }
  }
  return {
    ...(table.judge && { guide: reward('guide'), judge: reward('judge') }),
    coherence: async () => {
      const encoder = await loadEncoder('data/models/encoder')
      const { measure } = coherenceMeasure(encoder)
      // Without the words of the chat template, which all prompts share.
      return { measure: (batch) => measure(batch.map((one) => ({ ...one, prompt: asked.get(one.id) }))), close: encoder.close }
    },
    perplexity: async () => {
      const loaded = await loadModel(lm, { head: 'lm', role: 'lm', dtype: 'fp32', threads })
      return { measure: perplexityMeasure(batchedLanguageModel(loaded, MAX_BATCH)).measure, close: () => loaded.worker.close() }
    },
  }
}

const keyOf = ({ run, id, completion }) => JSON.stringify([run, id, completion])

/**
 * Adds figures to replies (`Reply` with its `run`). `wanted`: whether a reply needs a measure. `asked`: what was asked, by id. Models are loaded only if something is left
 * to measure, one at a time.
 */
export async function measureReplies(replies, table, { cache, say, wanted, ...models }) {
  const known = new Map(existsSync(cache) ? JSON.parse(readFileSync(cache, 'utf8')) : [])
  for (const [name, open] of Object.entries(openers(table, models))) {
    // Replies to one prompt go together, because they share the work of reading it.
    const left = replies
      .filter((reply) => wanted(name, reply) && known.get(keyOf(reply))?.[name] === undefined)
      .sort((a, b) => a.id.localeCompare(b.id))
    if (left.length === 0) continue
    say(`${name} of ${left.length} replies`)
    const { measure, close } = await open()
    try {
      for (let start = 0; start < left.length; start += MAX_BATCH) {
        const batch = left.slice(start, start + MAX_BATCH)
        const values = await measure(batch)
        for (const [index, reply] of batch.entries())
          known.set(keyOf(reply), { ...known.get(keyOf(reply)), [name]: values[index] })
        writeFileSync(cache, JSON.stringify([...known]))
      }
    } finally {
      await close()
    }
  }
  return replies.map((reply) => ({
    ...{ id: reply.id, run: reply.run, reply: reply.completion, tokens: reply.tokenIds.length },
    diversity: diversity(reply.tokenIds),
    ...known.get(keyOf(reply)),
  }))
}
