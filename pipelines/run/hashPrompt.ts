import { canonicalJson } from '../../src/core/canonicalJson.js'
import type { Prompt } from '../../src/core/types.js'
import { hashText } from '../../src/core/uniform.js'

/**
 * The hash of what a row is made of besides the run's settings: the prompt as it was read, the row's own stop strings and settings, a completion
 * that is there already, and the columns that are kept. 16 hexadecimal digits. Id and place do not count, nor does why a prompt is broken.
 */
export const hashPrompt = ({ content, stop, overrides, input, completion }: Prompt & Readonly<{ completion?: string }>): string =>
  hashText(canonicalJson({ content, stop, overrides, input, completion }))
