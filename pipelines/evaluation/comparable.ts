import type { Reply } from '../../src/core/run.js'
import { hash } from '../../src/core/uniform.js'

/** Hashes the text of a reply's prompt to 53 bits, which fit a table of numbers; NaN without a prompt. */
export const promptMark = ({ prompt }: Pick<Reply, 'prompt'>): number =>
  prompt === null ? Number.NaN : (hash(prompt, 0) >>> 11) * 2 ** 32 + hash(prompt, 0x9e3779b9)

/** Tells whether two runs have different prompts for one id, as after a change of the input file or chat template. */
export const differInWords = (one: number, other: number): boolean => one !== other && !(Number.isNaN(one) && Number.isNaN(other))

/** Writes the notice about such prompts. */
export const wordsNotice = (count: number, here: string, there: string): string =>
  `${count} ${count === 1 ? 'prompt has' : 'prompts have'} other words in ${here} than in ${there}`
