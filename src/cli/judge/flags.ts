import type { Command } from 'commander'
import * as z from 'zod'
import { generateOptions } from '../../../pipelines/run/generate.js'
import { OptionError } from '../../core/errors.js'
import { number, text } from '../flags/flags.js'

export type JudgeFlags = Readonly<{
  judge?: string
  rewardLabel?: string
  model?: string
  output?: string
  prompts: number
  seed: number
  concurrency: number
  timeout: number
  retries: number
  backoff: number
  maxCalls?: number
  maxTokensTotal?: number
  json?: boolean
}>

const RM = 'rm:'
/** The only place a key is read from. */
export const KEY = 'RXARGS_JUDGE_KEY'

const { seed } = generateOptions.shape
const count = z.int().min(1).describe('an integer >= 1')
const attempts = z.int().min(0).max(20).describe('an integer from 0 to 20')
const seconds = z.number().min(0).max(3600).describe('a number of seconds from 0 to 3600')
const positive = z.number().gt(0).max(3600).describe('a number of seconds above 0, at most 3600')

/** Defaults of what a chat model needs, so that what was given can be told from what was not. */
const chat = { concurrency: 4, timeout: 60, retries: 5, backoff: 1 } as const

/** Adds all flags of `judge`. */
export const judgeFlags = (command: Command): Command =>
  command
    .argument('<a>', 'folder of a run')
    .argument('<b>', 'folder of the run it is compared with')
    .option('--judge <url>', `OpenAI-compatible server, or rm:FOLDER of a reward model; a key comes from ${KEY}`, text('judge'))
    .option('--reward-label <label>', 'which label of a reward model with several judges', text('reward-label'))
    .option('--model <name>', "the server's name of the model that judges", text('model'))
    .option(
      '-o, --output <folder>',
      'folder for the answers; the same command again asks only for those that are missing',
      text('output'),
    )
    .option('--prompts <number>', 'prompts drawn from those that both runs answered', number('prompts', count), 300)
    .option('--seed <number>', 'seed of the draw, and of the order of the replies', number('seed', seed), seed.parse(undefined))
    .option('--concurrency <number>', `requests at the same time (default: ${chat.concurrency})`, number('concurrency', count))
    .option('--timeout <seconds>', `how long an answer may take (default: ${chat.timeout})`, number('timeout', positive))
    .option('--retries <number>', `further attempts a prompt (default: ${chat.retries})`, number('retries', attempts))
    .option(
      '--backoff <seconds>',
      `the first pause before one, doubled each time (default: ${chat.backoff})`,
      number('backoff', seconds),
    )
    .option('--max-calls <number>', 'requests at most, of all runs into this folder', number('max-calls', count))
    .option('--max-tokens-total <number>', "tokens at most, by the answers' usage", number('max-tokens-total', count))
    .option('--json', 'print JSON')

export type ChatSettings = Omit<JudgeFlags, 'judge'> & Readonly<{ url: string; model: string; output: string }>
/** `judge` as it was given. */
export type JudgeSettings = Readonly<{ judge: string }> &
  (Readonly<{ rm: Readonly<{ path: string; label?: string }> }> | Readonly<{ chat: ChatSettings }>)

/**
 * Flags, checked against each other.
 *
 * @throws OptionError for one that is missing, or has no meaning beside the others
 */
export function judgeSettings(flags: Partial<JudgeFlags> & Pick<JudgeFlags, 'prompts' | 'seed'>): JudgeSettings {
  const { judge } = flags
  if (judge === undefined)
    throw new OptionError('Expected `--judge`, the address of a server or rm:FOLDER of a reward model, got nothing')
  if (judge.startsWith(RM)) {
    const of = ['model', 'output', 'concurrency', 'timeout', 'retries', 'backoff', 'maxCalls', 'maxTokensTotal'] as const
    const foreign = of.find((name) => flags[name] !== undefined)
    if (foreign !== undefined) {
      const flag = foreign.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
      throw new OptionError(`A reward model judges here and at once: it takes no \`--${flag}\``)
    }
    const rm = judge.slice(RM.length)
    if (rm === '') throw new OptionError(`Expected \`--judge\` to be an address or rm:FOLDER, got \`${judge}\``)
    return { judge, rm: { path: rm, ...(flags.rewardLabel !== undefined && { label: flags.rewardLabel }) } }
  }
  if (!/^https?:\/\//.test(judge) || !URL.canParse(judge))
    throw new OptionError(`Expected \`--judge\` to be an http(s) address or rm:FOLDER, got \`${judge}\``)
  const { model, output, rewardLabel } = flags
  if (rewardLabel !== undefined) throw new OptionError('A chat model judges without labels: it takes no `--reward-label`')
  if (model === undefined) throw new OptionError("Expected `--model`, the server's name of the model that judges, got nothing")
  if (output === undefined) throw new OptionError('Expected `--output`, a folder for the answers, got nothing')
  return { judge, chat: { ...chat, ...flags, url: judge, model, output } }
}
