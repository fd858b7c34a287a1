import { canonicalJson } from '../../src/core/canonicalJson.js'
import type { Prompt } from '../../src/core/prompt.js'
import { hashText } from '../../src/core/uniform.js'

/**
 * Hashes the inputs of a row besides the run's settings: its prompt, its own stop strings and settings, an existing completion, and the
 * kept columns. Returns 16 hexadecimal digits. Id, place and the error of a broken prompt do not count.
 */
export const hashPrompt = ({
  content,
  tokenIds,
  replyTokenIds,
  stop,
  overrides,
  input,
  completion,
}: Prompt & Readonly<{ completion?: string }>): string =>
  hashText(canonicalJson({ content, tokenIds, replyTokenIds, stop, overrides, input, completion }))
