import type { Reply } from '../../src/core/reply.js'
import { hash } from '../../src/core/uniform.js'

/** The words of a reply's prompt as one number, so that many can be kept: 53 bits of two hashes. NaN without a prompt. */
export const promptMark = ({ prompt }: Pick<Reply, 'prompt'>): number =>
  prompt === null ? Number.NaN : (hash(prompt, 0) >>> 11) * 2 ** 32 + hash(prompt, 0x9e3779b9)

/** Whether two runs have other words for a prompt of one id, such as another file's or another template's. */
export const differInWords = (one: number, other: number): boolean => one !== other && !(Number.isNaN(one) && Number.isNaN(other))

/** What is said of such prompts wherever two runs are compared. */
export const wordsNotice = (count: number, here: string, there: string): string =>
  `${count} ${count === 1 ? 'prompt has' : 'prompts have'} other words in ${here} than in ${there}`
