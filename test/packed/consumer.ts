/** A user's types. They are compiled against the packed package and never run. */
import {
  args,
  argsStochastic,
  batchReward,
  batchTextReward,
  combineScore,
  type Decoder,
  fromFile,
  generate,
  loadModels,
  type Models,
  OptionError,
  type Row,
  type Run,
  sampleTemperature,
  steps,
  textReward,
  toParquet,
  topK,
} from 'rxargs'

const decoder: Decoder = ({ reward }) =>
  steps(topK({ k: 10 }), batchReward({ reward }), combineScore({ weight: 1.5 }), sampleTemperature({ temperature: 0.7 }))

// @ts-expect-error nothing can be selected before there are candidates
export const wrongOrder: Decoder = () => steps(sampleTemperature({ temperature: 0.7 }), topK({ k: 10 }))

// @ts-expect-error k is a number
args({ k: 'ten' })

const short = textReward('short', (text) => -text.length)
const shorter = batchTextReward('shorter', async (texts) => texts.map((text) => -text.length), { timeoutMs: 1000 })

export async function main(signal: AbortSignal): Promise<readonly string[]> {
  const models: Models = await loadModels({ lm: 'lm', reward: [{ name: 'helpful', path: 'rm' }, short, shorter] })
  const run: Run = generate(fromFile('prompts.jsonl'), decoder, models, { maxNewTokens: 64, seed: 1 })
  const { written, files } = await toParquet('out', run, { signal })
  const rewards: (number | null)[] = []
  run.rows({ signal }).subscribe((row: Row) => rewards.push(row.reward))
  for await (const row of generate(fromFile('prompts.jsonl'), argsStochastic(), models)) rewards.push(row.reward)
  if (written === 0) throw new OptionError('Expected rows')
  await models.close()
  return files
}
