import type { Command } from 'commander'
import { generateOptions } from '../../../pipelines/run/generate.js'
import { number } from './flags.js'

const { maxNewTokens, maxPromptTokens } = generateOptions.shape

/** Adds `--max-new-tokens` and `--max-prompt-tokens`. */
export const lengthFlags = (command: Command): Command =>
  command
    .option(
      '--max-new-tokens <number>',
      'maximum tokens per reply',
      number('max-new-tokens', maxNewTokens),
      maxNewTokens.parse(undefined),
    )
    .option(
      '--max-prompt-tokens <number>',
      'maximum tokens per prompt (default: context length minus --max-new-tokens)',
      number('max-prompt-tokens', maxPromptTokens),
    )
