import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { batchTextReward, textReward } from '../../../pipelines/rewards/textReward.js'
import { messageOf, OptionError, RewardError } from '../../core/errors.js'
import type { TextReward } from '../../core/rewardSource.js'
import type { RewardOption } from '../../models/loadModels.js'
import { hashModule } from '../run/hashModule.js'
import { stopLoops } from '../run/stopLoops.js'
import { functionReward, type RewardFlag } from './rewardFlag.js'

/**
 * Prepares the rewards of `--reward` for `loadModels`: imports modules and reads files of words. Paths are relative to the working
 * directory.
 *
 * @throws OptionError for an option that a function does not take
 * @throws RewardError for a module or a file that cannot be used
 */
export function loadRewards(flags: readonly RewardFlag[], timeoutMs: number | undefined): Promise<RewardOption[]> {
  if (timeoutMs !== undefined && !flags.some(({ kind }) => kind === 'module' || kind === 'server'))
    throw new OptionError('Expected a `--reward` that is a module (.js or .mjs) or a server beside `--reward-timeout`, got none')
  return Promise.all(
    flags.map(async (flag) => {
      if (flag.kind === 'function') return functionReward(flag, await wordsOf(flag.options))
      if (flag.kind === 'server') return serverReward(flag, timeoutMs)
      return flag.kind === 'module' ? moduleReward(flag, timeoutMs) : modelReward(flag)
    }),
  )
}

const modelReward = ({ name, path, label, endToken }: Extract<RewardFlag, { kind: 'model' }>): RewardOption => ({
  ...{ name, path },
  ...(label !== undefined && { label }),
  ...(endToken !== undefined && { endToken }),
})

const serverReward = (
  { name, url, label }: Extract<RewardFlag, { kind: 'server' }>,
  timeoutMs: number | undefined,
): RewardOption => ({ name, url, ...(label !== undefined && { label }), ...(timeoutMs !== undefined && { timeoutMs }) })

type ScoreText = Parameters<typeof textReward>[1]

async function moduleReward({ name, path }: RewardFlag, timeoutMs: number | undefined): Promise<TextReward> {
  await read(path, 'a module')
  const module = (await import(pathToFileURL(resolve(path)).href).catch((error: unknown) => {
    throw new RewardError(`Expected the module ${path} to load, got: ${messageOf(error)}`, { cause: error })
  })) as Readonly<Record<string, unknown>>
  const options = timeoutMs === undefined ? {} : { timeoutMs }
  const source = { path: resolve(path), sha256: await hashModule(path) }
  const { scoreBatch, default: score } = module
  if (typeof scoreBatch === 'function')
    return { ...stopLoops(batchTextReward(name, scoreBatch as TextReward['scoreTexts'], options)), source }
  if (typeof score === 'function') return { ...stopLoops(textReward(name, score as ScoreText, options)), source }
  const exported = Object.keys(module).join(', ') || 'nothing'
  throw new RewardError(
    `Expected ${path} to export \`scoreBatch\` (texts => numbers) or a function (text => number) as its default, found ${exported}`,
  )
}

/** Reads the lines of each option that is `@FILE`. */
async function wordsOf(options: Readonly<Record<string, string>>): Promise<Record<string, string[]>> {
  const files = Object.entries(options).filter(([, text]) => text.startsWith('@'))
  const linesOf = async ([option, text]: readonly [string, string]) => {
    const lines = (await read(text.slice(1), 'a file with one word per line')).toString('utf8').split(/\r?\n/)
    return [option, lines.map((line) => line.trim()).filter((line) => line !== '')] as const
  }
  return Object.fromEntries(await Promise.all(files.map(linesOf)))
}

async function read(path: string, what: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    const found = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'found nothing there' : messageOf(error)
    throw new RewardError(`Expected ${what} at ${path}, ${found}`)
  }
}
