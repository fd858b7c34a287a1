import { join } from 'node:path'
import { OptionError } from '../../core/errors.js'
import { type PairSizes, pairSizes, writeRandomPair } from '../../models/checkpoint/writeRandomPair.js'

/** `d=256,layers=4` as the sizes of a pair. */
export function sizesOf(text: string): PairSizes {
  const pairs = text.split(',').map((each) => each.split('=').map((part) => part.trim()))
  const broken = pairs.find((pair) => pair.length !== 2 || pair.includes(''))
  if (broken) throw new OptionError(`Expected \`--make\` to be NAME=NUMBER with commas between, got \`${broken.join('=')}\``)
  const sizes = pairSizes.safeParse(Object.fromEntries(pairs))
  if (sizes.success) return sizes.data
  const { path, message, code } = sizes.error.issues[0]!
  const names = Object.keys(pairSizes.shape).join(', ')
  const wanted = code === 'unrecognized_keys' ? `sizes out of ${names}` : `${String(path[0] ?? '')} ${message}`.trim()
  throw new OptionError(`Expected \`--make\` to have ${wanted}, got \`${text}\``)
}

/** Writes the pair and says how to measure it. */
export async function make(folder: string, sizes: PairSizes): Promise<string> {
  await writeRandomPair(folder, sizes)
  const [lm, reward, prompts] = ['lm', 'reward', 'prompts.jsonl'].map((name) => join(folder, name))
  return `rxargs bench --lm ${lm} --reward ${reward} --prompts ${prompts}`
}
