import type { Command } from 'commander'
import * as z from 'zod'
import { generateOptions } from '../../../pipelines/run/generate.js'
import { OptionError } from '../../core/errors.js'
import { type DeviceChoice, deviceChoices } from '../../models/device.js'
import { END_TOKEN_HELP, number, oneOf, text } from '../flags/flags.js'

export type JudgeFlags = Readonly<{
  judge?: string
  rewardLabel?: string
  endToken?: string
  device?: DeviceChoice
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
/** Environment variable with the API key. It is read from nowhere else. */
export const KEY = 'RXARGS_JUDGE_KEY'

const { seed } = generateOptions.shape
const count = z.int().min(1).describe('an integer >= 1')
const attempts = z.int().min(0).max(20).describe('an integer from 0 to 20')
const seconds = z.number().min(0).max(3600).describe('a number of seconds from 0 to 3600')
const positive = z.number().gt(0).max(3600).describe('a number of seconds above 0, at most 3600')

/** Defaults for a chat model. Commander does not know them, so that flags on the command line can be told apart. */
const chat = { concurrency: 4, timeout: 60, retries: 5, backoff: 1 } as const

/** Adds all flags of `judge`. */
export const judgeFlags = (command: Command): Command =>
  command
    .argument('<a>', 'folder of a run')
    .argument('<b>', 'folder of the run to compare with')
    .option('--judge <url>', `OpenAI-compatible server, or rm:FOLDER for a reward model; ${KEY} holds the API key`, text('judge'))
    .option('--reward-label <label>', 'label of the reward model that judges, if it has several', text('reward-label'))
    .option('--end-token <token>', END_TOKEN_HELP, text('end-token'))
    .option(
      '--device <name>',
      `device for a reward model that judges: ${deviceChoices.join(', ')} (default: cpu)`,
      oneOf('device', deviceChoices),
    )
    .option('--model <name>', 'name of the judge model on the server', text('model'))
    .option('-o, --output <folder>', 'folder for the answers; the same command later requests only missing ones', text('output'))
    .option('--prompts <number>', 'prompts to draw from those that both runs answered', number('prompts', count), 300)
    .option('--seed <number>', 'seed for the draw and for the order of the replies', number('seed', seed), seed.parse(undefined))
    .option('--concurrency <number>', `requests at the same time (default: ${chat.concurrency})`, number('concurrency', count))
    .option('--timeout <seconds>', `time limit for an answer (default: ${chat.timeout})`, number('timeout', positive))
    .option('--retries <number>', `further attempts per prompt (default: ${chat.retries})`, number('retries', attempts))
    .option(
      '--backoff <seconds>',
      `pause before the first further attempt, doubled each time (default: ${chat.backoff})`,
      number('backoff', seconds),
    )
    .option('--max-calls <number>', 'maximum requests, including earlier runs into this folder', number('max-calls', count))
    .option('--max-tokens-total <number>', 'maximum tokens, as the answers report them', number('max-tokens-total', count))
    .option('--json', 'print JSON')

export type ChatSettings = Omit<JudgeFlags, 'judge' | 'device'> & Readonly<{ url: string; model: string; output: string }>
/** A reward model that judges. */
export type JudgeModel = Readonly<{ path: string; label?: string | undefined; endToken?: string | undefined }>
/** `judge`: the flag as written. */
export type JudgeSettings = Readonly<{ judge: string }> & (Readonly<{ rm: JudgeModel }> | Readonly<{ chat: ChatSettings }>)

/**
 * Checks flags against each other and turns them into settings.
 *
 * @throws OptionError for a missing flag, or one that contradicts another
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
      throw new OptionError(`A reward model runs on this machine, so \`--${flag}\` does not apply`)
    }
    const rm = judge.slice(RM.length)
    if (rm === '') throw new OptionError(`Expected \`--judge\` to be an address or rm:FOLDER, got \`${judge}\``)
    return { judge, rm: { path: rm, label: flags.rewardLabel, endToken: flags.endToken } }
  }
  if (!/^https?:\/\//.test(judge) || !URL.canParse(judge))
    throw new OptionError(`Expected \`--judge\` to be an http(s) address or rm:FOLDER, got \`${judge}\``)
  const { model, output, rewardLabel, endToken, device } = flags
  if (device !== undefined) throw new OptionError('A chat model runs on its server, so `--device` does not apply')
  if (rewardLabel !== undefined) throw new OptionError('A chat model has no labels, so `--reward-label` does not apply')
  if (endToken !== undefined) throw new OptionError('A chat model reads text, so `--end-token` does not apply')
  if (model === undefined) throw new OptionError('Expected `--model`, the name of the judge model on the server, got nothing')
  if (output === undefined) throw new OptionError('Expected `--output`, a folder for the answers, got nothing')
  return { judge, chat: { ...chat, ...flags, url: judge, model, output } }
}
