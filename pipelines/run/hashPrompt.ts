import { canonicalJson } from '../../src/core/canonicalJson.js'
import type { Prompt } from '../../src/core/prompt.js'
import { hashText } from '../../src/core/uniform.js'

/**
 * Hashes what a row depends on besides the run's settings: the prompt as it was read, the row's own stop strings and settings, a given
 * completion, and the kept columns. Gives 16 hexadecimal digits. Id, place and the error of a broken prompt do not count.
 */
export const hashPrompt = ({ content, stop, overrides, input, completion }: Prompt & Readonly<{ completion?: string }>): string =>
  hashText(canonicalJson({ content, stop, overrides, input, completion }))
