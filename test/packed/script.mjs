/** A user's script: decodes two prompts with the embedded models and prints the rows as JSON lines. */
import { args, fromFile, generate, loadModels } from 'rxargs'

const embedded = (name) => `node_modules/rxargs/data/models/${name}`
const models = await loadModels({ lm: embedded('chat-lm'), reward: embedded('chat-rm') })
try {
  for await (const row of generate(fromFile('prompts.jsonl'), args({ k: 5, weight: 1 }), models, { maxNewTokens: 8 })) {
    process.stdout.write(`${JSON.stringify(row)}\n`)
  }
} finally {
  await models.close()
}
